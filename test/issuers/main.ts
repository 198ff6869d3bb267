import { once } from 'node:events'
import { serveGeneric } from './generic.ts'
import { serveIssuer } from './issuer.ts'

/* One issuer as a process of its own. The first line on stdin is its config, the first on stdout its port; when stdin ends, so does it. */

process.stdin.on('end', () => process.exit(0))
const [line] = (await once(process.stdin, 'data')) as [Buffer]
const config = JSON.parse(line.toString())
const server = config.platform === 'generic' ? await serveGeneric(config) : await serveIssuer(config)
const address = server.address()
if (typeof address !== 'object' || address === null) throw new Error('no port')
process.stdout.write(`${address.port}\n`)
