/** One connection that says what it is given, and reads until the other side has nothing more to say. */
import { connect, type NetConnectOpts } from 'node:net'

const QUIET_MS = 20
const HONEST_MS = 10_000

/** @param until an answer that is waited for, however long a busy machine takes */
export function say(to: NetConnectOpts, bytes: Uint8Array, until?: RegExp): Promise<string> {
  return new Promise(resolve => {
    let answer = ''
    const socket = connect(to, () => socket.write(bytes))
    socket.setEncoding('latin1').on('data', text => {
      answer += text
      if (until?.test(answer)) socket.destroy()
    })
    socket.setTimeout(until === undefined ? QUIET_MS : HONEST_MS, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve(answer))
  })
}
