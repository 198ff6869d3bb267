import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connectionBounds } from '@symbolon/runtime/http-listen.ts'

/*
 * Clients of KV v2 ask with a method `LIST` that Node's parser does not know. Where the parser stops at the first line of a message and that line
 * begins with `LIST /`, the message is given to the server once more, as a GET, on a stream of its own that ends with it. That stream, and nothing
 * that a client could write, says that it was a LIST. It must be alone: nothing under way before it, nothing behind it, no body.
 */

/** Where the parser stops in `LIST`, if the message begins with the packet: it knows LINK. A method that ends in LIST, cut in two, fares no other way: its message has the same bounds. */
const stopsAt = 2
const method = Buffer.from('LIST ')
const get = Buffer.from('GET ')
const endOfHead = Buffer.from('\r\n\r\n')
const bodied = /\r\n(?:transfer-encoding[ \t]*:|content-length[ \t]*:(?![ \t]*0[ \t]*\r\n))/i

/** One message that was read already; answers go to the socket that it came from. */
class ListStream extends Duplex {
  readonly #socket: Socket
  #head: Buffer | undefined

  constructor(socket: Socket, head: Buffer) {
    super()
    this.#socket = socket
    this.#head = head
    socket.once('close', () => this.destroy())
  }

  get origin(): Socket {
    return this.#socket
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress
  }

  /** What Node calls behind an answer that closes. */
  destroySoon(): void {
    this.end()
  }

  override _read(): void {
    const head = this.#head
    this.#head = undefined
    if (head !== undefined) this.push(head)
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, done)
  }

  override _final(done: () => void): void {
    this.#socket.destroySoon()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroySoon()
    done(error)
  }
}

/** The connection that a request came by: what is asked of it is the same for a LIST. */
export const socketOf = ({ socket }: Pick<IncomingMessage, 'socket'>): Socket => (socket instanceof ListStream ? socket.origin : socket)

type ParseError = NodeJS.ErrnoException & { readonly rawPacket?: Buffer; readonly bytesParsed?: number }
type Refuse = (error: NodeJS.ErrnoException, socket: Socket) => void

/** @param refuse answers what is no HTTP */
export function takeLists(server: Server, { secure, refuse }: { readonly secure: boolean; readonly refuse: Refuse }): void {
  const taken = new WeakSet<Socket>()
  const underWay = new WeakMap<object, number>()
  server.prependListener('request', (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const { socket } = incoming
    underWay.set(socket, (underWay.get(socket) ?? 0) + 1)
    outgoing.once('close', () => underWay.set(socket, (underWay.get(socket) ?? 1) - 1))
    if (!(socket instanceof ListStream)) return
    incoming.method = 'LIST'
    // The next message on this connection is not read as part of a LIST: there is none.
    outgoing.shouldKeepAlive = false
  })
  server.on('clientError', (error: ParseError, socket: Socket) => {
    // Its first parser has nothing more to say, but for how long it took.
    if (taken.has(socket)) return void socket.destroy()
    if (!isList(error) || (underWay.get(socket) ?? 0) > 0) return refuse(error, socket)
    taken.add(socket)
    readHead(socket, error.rawPacket, (head) => {
      if (head === undefined) return refuse(error, socket)
      server.emit(secure ? 'secureConnection' : 'connection', new ListStream(socket, head))
    })
  })
}

const isList = (error: ParseError): error is ParseError & { readonly rawPacket: Buffer } => error.code === 'HPE_INVALID_METHOD' && error.bytesParsed === stopsAt && error.rawPacket?.subarray(0, method.length + 1).toString('latin1') === 'LIST /'

/** Waits for the rest of the head. @param done is given the head of a GET, or nothing for what is more than a head, or too much, or too late */
function readHead(socket: Socket, first: Buffer, done: (head: Buffer | undefined) => void): void {
  let bytes = first
  const end = (head: Buffer | undefined) => {
    clearTimeout(timer)
    socket.removeListener('data', more)
    done(head)
  }
  const look = () => {
    const at = bytes.indexOf(endOfHead)
    if (at >= 0) return end(at + endOfHead.length === bytes.length && !bodied.test(bytes.toString('latin1')) ? Buffer.concat([get, bytes.subarray(method.length)]) : undefined)
    if (bytes.length > connectionBounds.maxHeaderSize) end(undefined)
  }
  const more = (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk])
    look()
  }
  const timer = setTimeout(() => end(undefined), connectionBounds.headersTimeout)
  socket.once('close', () => clearTimeout(timer))
  // The first parser would stop at the same place again.
  socket.removeAllListeners('data')
  socket.on('data', more)
  look()
}
