import { createServer } from 'node:net'
import { type HostPort, parseHostPort } from '../../base/endpoint.ts'
import { OperatorError } from '../../base/errors.ts'
import { LIMITS } from '../../base/limits.ts'
import type { ForwardConfig } from '../../config/config.ts'
import { decodeTicket } from '../../config/ticket.ts'
import { identityFromSeed, peerIdText } from '../../secure/identity.ts'
import { createLog, type LogFormat, type LogLevel } from '../log.ts'
import { runSidecar } from '../run.ts'

export interface ConnectOptions {
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
}

/** Opens every service of a ticket on a local port, for as long as it runs. */
export async function connect(text: string, localText: string | undefined, options: ConnectOptions): Promise<void> {
  const ticket = decodeTicket(text === '-' ? await readStandardInput() : text, Date.now())
  const forward = await chooseForwards(ticket.services, localText)
  const identity = await identityFromSeed(ticket.seed)
  process.exitCode = await runSidecar({
    identity,
    log: createLog(options.logLevel, options.logFormat),
    config: {
      identity: '',
      listen: [],
      advertise: [],
      peers: [{ name: 'ticket', id: peerIdText(ticket.serverHash), endpoints: ticket.endpoints, allow: [] }],
      forward,
      holdMs: LIMITS.holdMs,
      admin: { socket: undefined },
      ca: undefined,
    },
    onReady: sidecar => {
      for (const { listen, to } of sidecar.forwards) process.stdout.write(`${listen} -> ${to}\n`)
      process.stdout.write('ready\n')
    },
  })
}

/** With LOCAL:PORT, that and the ports after it; else each service's own port where it is free, or any free one. */
async function chooseForwards(services: readonly HostPort[], localText: string | undefined): Promise<readonly ForwardConfig[]> {
  if (localText !== undefined) {
    const first = parseHostPort(localText)
    if (first === undefined || (first.port > 0 && first.port + services.length > 65_536)) {
      throw new OperatorError('USAGE', `"${localText}" is no local address: write host:port, such as 127.0.0.1:15432`)
    }
    return services.map((to, i) => ({
      listen: { host: first.host, port: first.port === 0 ? 0 : first.port + i },
      peer: 'ticket',
      to,
    }))
  }
  const forwards: ForwardConfig[] = []
  const taken = new Set<number>()
  for (const to of services) {
    const port = !taken.has(to.port) && (await isFree(to.port)) ? to.port : 0
    taken.add(port)
    forwards.push({ listen: { host: '127.0.0.1', port }, peer: 'ticket', to })
  }
  return forwards
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}

async function readStandardInput(): Promise<string> {
  let text = ''
  for await (const chunk of process.stdin) {
    text += chunk
    // The ticket is one line; whoever pipes it may keep the pipe open.
    if (text.includes('\n') || text.length > 65_536) break
  }
  return text.trim()
}

