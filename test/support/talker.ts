/**
 * An application for tests in namespaces.
 *
 *     talker serve PORT      accepts connections, says `from ADDRESS` to each, and sends back what it hears
 *     talker HOST PORT       connects, prints `at ADDRESS from ADDRESS` or the code of the error, then sends each line that it
 *                            is given and prints what comes back
 */
import { connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'

const [host = '', port = ''] = process.argv.slice(2)
if (host === 'serve') serve()
else talk()

function serve(): void {
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy())
    socket.write(`from ${socket.remoteAddress?.replace('::ffff:', '')}\n`)
    socket.pipe(socket)
  })
  server.listen(Number(port), '::', () => console.log('listening'))
}

function talk(): void {
  const socket = connect(Number(port), host)
  socket.on('error', (error: NodeJS.ErrnoException) => {
    console.log(String(error.code))
    process.exit(1)
  })
  let isFirst = true
  createInterface({ input: socket }).on('line', line => {
    console.log(isFirst ? `at ${socket.localAddress} ${line}` : line)
    isFirst = false
  })
  createInterface({ input: process.stdin }).on('line', line => socket.write(`${line}\n`))
}
