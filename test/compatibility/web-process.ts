/**
 * A web server: `/watch` says a line a second, `/echo` is a WebSocket that gives back what it gets, and `/page` is a page that
 * ends when its own WebSocket has heard enough. Says `echoed N` for each message. The same over TLS, on a port of its own.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type WebSocket, WebSocketServer } from 'ws'

const WATCH_LINES = 5
const PAGE_ECHOES = 25
const PAGE = `<!DOCTYPE html><title>probe</title><p id="heard"></p><script>
  let said = 0
  const socket = new WebSocket(location.origin.replace('http', 'ws') + '/echo')
  const say = () => socket.send(String(++said))
  socket.onopen = say
  socket.onclose = () => { heard.textContent += ' closed' }
  socket.onmessage = ({ data }) => {
    heard.textContent += ' ' + data
    setTimeout(say, 100)
  }
</script>`

const [, , host, port, tlsPort, key, certificate] = process.argv as string[]
let page: ServerResponse | undefined

const answer = (request: IncomingMessage, response: ServerResponse) => {
  if (request.url === '/page') {
    page = response.writeHead(200, { 'Content-Type': 'text/html' })
    page.write(PAGE)
  } else if (request.url === '/watch') {
    watch(response)
  } else {
    response.writeHead(404).end()
  }
}
const tls = { key: readFileSync(key!), cert: readFileSync(certificate!) }
const places = [
  [createTlsServer(tls, answer), tlsPort],
  [createServer(answer), port],
] as const
for (const [server, at] of places) {
  new WebSocketServer({ server, path: '/echo' }).on('connection', echo)
  await once(server.listen(Number(at), host), 'listening')
}

function echo(socket: WebSocket): void {
  let count = 0
  socket.on('message', (message, isBinary) => {
    socket.send(message, { binary: isBinary })
    console.log(`echoed ${++count}`)
    if (count < PAGE_ECHOES || page === undefined) return
    page.end('<p>whole</p>')
    page = undefined
  })
}

function watch(response: ServerResponse): void {
  let line = 0
  const timer = setInterval(() => {
    response.write(`{"type":"MODIFIED","number":${++line}}\n`)
    if (line === WATCH_LINES) response.end()
  }, 1_000)
  response.once('close', () => clearInterval(timer))
}
