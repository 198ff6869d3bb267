import { down, reset } from './down.ts'
import { launch } from './launcher.ts'
import { up } from './up.ts'

/* The launcher behind `make up`, `make down` and `make reset`. */

const [command, ...rest] = process.argv.slice(2)
switch (command) {
  case 'up':
    process.exit(await up({ detach: process.env['DETACH'] === '1' }))
  case 'down':
    process.exit(await down())
  case 'reset':
    process.exit(await reset())
  case 'launch': {
    const [option, path] = rest
    if (option !== '--home' || path === undefined) throw new TypeError('launch is what `up` starts: launch --home FOLDER')
    await launch(path)
    break
  }
  default:
    process.stderr.write('usage: dev/main.ts up|down|reset\n')
    process.exit(64)
}
