/**
 * One host and its loopback interface. Between the sidecars stands a link process, which serves one address at a time and
 * really stops serving the old one: connections over it are cut or, at one event, silently swallowed.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { isLinux } from '../../platform/system.ts'
import type { Stage } from './stage.ts'

const ADDRESSES = ['127.0.77.1', '127.0.77.2', '127.0.77.3']

/**
 * @param linkProgram the compiled link.js
 * @param isWanted whether it was asked for, rather than all that is possible here
 */
export async function loopbackStage(linkProgram: string, isWanted: boolean): Promise<Stage> {
  // Linux has all of 127.0.0.0/8 on loopback; elsewhere the address stays and the port changes.
  const hosts = isLinux() ? ADDRESSES : ADDRESSES.map(() => '127.0.0.1')
  const link = spawn(process.execPath, [linkProgram, ...hosts], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: link.stdout })[Symbol.asyncIterator]()
  const ports = String((await lines.next()).value)
    .split(' ')
    .map(Number)
  const addresses = hosts.map((host, i) => `${host}:${ports[i]}`)
  const say = (line: string) => void link.stdin.write(`${line}\n`)
  say('serve 0')
  const why = isWanted ? '' : ', since interfaces cannot be made here'
  return {
    about: `one host and its loopback addresses${why}; a link process stops serving the old one`,
    endpoints: addresses.map(address => `tcp://${address}`),
    farListen: `tcp://127.0.0.1:${ports[hosts.length]}`,
    events: [
      { title: `the link moves from ${addresses[0]} to ${addresses[1]}`, run: () => say('serve 1') },
      { title: `the link moves to ${addresses[2]}`, run: () => say('serve 2') },
      {
        title: `${addresses[2]} falls silent without a word; the link moves to ${addresses[0]}`,
        run: () => say('silence 0'),
      },
      { title: `the link moves to ${addresses[1]}`, run: () => say('serve 1') },
    ],
    spawn: (_host, args) => spawn(process.execPath, [...args], { stdio: ['pipe', 'pipe', 'pipe'] }),
    end: () => {
      link.kill()
    },
  }
}
