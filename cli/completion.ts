import { LocalFailure } from './failure.ts'
import { definitions, flagName, type SettingName } from './settings.ts'

/** What can be completed: the commands with their own flags, as the program declares them. */
export interface Words {
  readonly commands: readonly { readonly path: string; readonly flags: readonly string[] }[]
}

/** A script for the shell to read: `source <(symbolon completion bash)`. */
export function completion(shell: string, { commands }: Words): string {
  const common = (Object.keys(definitions) as SettingName[]).filter((name) => name !== 'format').map(flagName)
  const names = commands.map(({ path }) => path)
  switch (shell) {
    case 'bash':
      return bash(commands, [...common, '--output', '--field', '--help'], names)
    case 'zsh':
      return `#compdef symbolon\nautoload -U +X bashcompinit && bashcompinit\n${bash(commands, [...common, '--output', '--field', '--help'], names)}`
    case 'fish':
      return [...names.filter((name) => !name.includes(' ')).map((name) => `complete -c symbolon -n __fish_use_subcommand -f -a ${name}`), ...commands.flatMap(({ path, flags }) => flags.map((flag) => `complete -c symbolon -n '__fish_seen_subcommand_from ${path.split(' ')[0]}' -l ${flag.slice(2)}`)), ...common.map((flag) => `complete -c symbolon -l ${flag.slice(2)}`), ''].join('\n')
    default:
      throw new LocalFailure(`There is no completion for ${shell}`, 'it is written for bash, zsh and fish', 'Use one of these.')
  }
}

function bash(commands: Words['commands'], common: readonly string[], names: readonly string[]): string {
  const firsts = [...new Set(names.map((name) => name.split(' ')[0] ?? ''))]
  const cases = firsts.map((first) => {
    const own = commands.filter(({ path }) => path === first || path.startsWith(`${first} `))
    const words = [...own.flatMap(({ flags }) => flags), ...common, ...own.flatMap(({ path }) => path.split(' ').slice(1))]
    return `    ${first}) words="${[...new Set(words)].join(' ')}" ;;`
  })
  return `_symbolon() {
  local words="${firsts.join(' ')}"
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  [ "$COMP_CWORD" -eq 1 ] && words="${firsts.join(' ')}"
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _symbolon symbolon
`
}
