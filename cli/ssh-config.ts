import type { ValueOf } from '@symbolon/protocol/secret.ts'
import { LocalFailure } from './failure.ts'

/*
 * A key's settings as a block of ssh_config(5). Whoever may write the secret chooses them, and ssh runs what some options name: so only what
 * cannot run anything, open a file or reach further than the host is written, and each value is one word of harmless characters.
 */

const harmless: readonly string[] = ['addressfamily', 'compression', 'connectionattempts', 'connecttimeout', 'hostkeyalias', 'hostkeyalgorithms', 'kexalgorithms', 'ciphers', 'macs', 'pubkeyacceptedalgorithms', 'requesttty', 'serveralivecountmax', 'serveraliveinterval', 'tcpkeepalive']

const hostText = /^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,254}|\[?[0-9A-Fa-f:.]{2,45}\]?)$/
const userText = /^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}$/
const jumpText = /^[A-Za-z0-9_[][A-Za-z0-9._@:,[\]+-]{0,254}$/
const optionText = /^[A-Za-z0-9][A-Za-z0-9._@:,+-]{0,254}$/
const knownHostText = /^[\x21-\x7e][\x20-\x7e]{0,4095}$/

type SshSettings = ValueOf<'ssh-key'>['settings']

export interface SshFiles {
  /** Of the public key: it tells ssh which of the agent's keys to offer. */
  readonly identity: string
  readonly knownHosts: string
}

export interface SshBlock {
  /** What to write behind `ssh`. */
  readonly host: string
  readonly text: string
  readonly knownHosts: string | undefined
  /** Options that were left out. */
  readonly left: readonly string[]
}

/** @throws LocalFailure for a setting that ssh could read as something else */
export function sshBlock(path: string, settings: SshSettings, { identity, knownHosts }: SshFiles): SshBlock {
  const { host_name, user, port, proxy_jump, known_hosts = [], options = {} } = settings
  const host = checked('host', settings.host ?? host_name ?? path.split('/').at(-1) ?? '', hostText)
  // A name of the network is nobody's alias: whoever may write the secret would lead `ssh github.com` elsewhere, with a host key of their own.
  if (/[.:]/.test(host) && host_name !== undefined && host_name.toLowerCase() !== host.toLowerCase()) throw new LocalFailure('The key’s host cannot be used', `${host} is a name of its own, and would lead to ${JSON.stringify(host_name)}`, 'Store the key again with an alias without dots: symbolon ssh put --host.')
  const names = Object.keys(options)
  const taken = names.filter((name) => harmless.includes(name.toLowerCase()))
  const lines = [
    ...(host_name === undefined ? [] : [`HostName ${checked('host_name', host_name, hostText)}`]),
    ...(user === undefined ? [] : [`User ${checked('user', user, userText)}`]),
    ...(port === undefined ? [] : [`Port ${port}`]),
    ...(proxy_jump === undefined ? [] : [`ProxyJump ${checked('proxy_jump', proxy_jump, jumpText)}`]),
    'IdentityAgent SSH_AUTH_SOCK',
    `IdentityFile ${quoted(identity)}`,
    'IdentitiesOnly yes',
    ...(known_hosts.length === 0 ? [] : [`UserKnownHostsFile ${quoted(knownHosts)}`, 'StrictHostKeyChecking yes']),
    ...taken.map((name) => `${name} ${checked(name, options[name] ?? '', optionText)}`),
  ]
  return {
    host,
    text: `# ${path}, by \`symbolon ssh add\`\nHost ${host}\n${lines.map((line) => `  ${line}\n`).join('')}`,
    knownHosts: known_hosts.length === 0 ? undefined : known_hosts.map((line) => `${checked('known_hosts', line, knownHostText)}\n`).join(''),
    left: names.filter((name) => !taken.includes(name)),
  }
}

function checked(name: string, value: string, pattern: RegExp): string {
  if (pattern.test(value)) return value
  throw new LocalFailure(`The key’s ${name} cannot be used`, 'ssh could read it as something else', 'Store the key again with another one: symbolon ssh put.')
}

/** ssh expands % and leaves no way to write a quote. */
function quoted(path: string): string {
  if (/["%\p{Cc}]/u.test(path)) throw new LocalFailure(`${JSON.stringify(path)} cannot stand in ssh’s settings`, 'it holds a quote, % or control character', 'Set XDG_CONFIG_HOME to another folder.')
  return `"${path}"`
}
