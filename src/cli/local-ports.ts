/** Which local ports the services of a ticket get. */
import { createServer } from 'node:net'
import { type HostPort, isHost, isLoopback, parseHostPort } from '../base/endpoint.ts'
import { OperatorError } from '../base/errors.ts'

/** Of SOCKS, by IANA. */
const PROXY_PORT = 1080

/**
 * @param wanted LOCAL:PORT for the first service, the following ports for the others; port 0 means a free one for each
 * @param taken ports that something else will listen on
 * @returns one address for each service; port 0 where any free one shall be taken
 * @throws OperatorError USAGE
 */
export async function localAddresses(
  services: readonly HostPort[],
  wanted: string | undefined,
  taken: readonly number[] = [],
): Promise<readonly HostPort[]> {
  if (wanted !== undefined) return following(services.length, wanted)
  const addresses: HostPort[] = []
  for (const { port } of services) {
    const isTaken = taken.includes(port) || addresses.some(one => one.port === port) || !(await isFree(port))
    addresses.push({ host: '127.0.0.1', port: isTaken ? 0 : port })
  }
  return addresses
}

/**
 * @param wanted LOCAL:PORT, or true for the usual port of proxies, or a free one where that is taken
 * @param taken ports that something else will listen on
 * @throws OperatorError USAGE
 */
export async function proxyAddress(wanted: string | true, taken: readonly number[]): Promise<HostPort> {
  if (wanted === true) {
    const isTaken = taken.includes(PROXY_PORT) || !(await isFree(PROXY_PORT))
    return { host: '127.0.0.1', port: isTaken ? 0 : PROXY_PORT }
  }
  const address = parseLocal(wanted, `127.0.0.1:${PROXY_PORT}`)
  if (isLoopback(address.host)) return address
  const why = 'other machines could all use this proxy'
  throw new OperatorError('USAGE', `--socks ${wanted}: ${why}; listen on 127.0.0.1, or use a configuration with auth`)
}

function following(count: number, wanted: string): readonly HostPort[] {
  const { host, port } = parseLocal(wanted, '127.0.0.1:15432')
  if (port + count > 65_536) {
    throw new OperatorError('USAGE', `${wanted} leaves too few ports for ${count} services: write a smaller port`)
  }
  return Array.from({ length: count }, (_, i) => ({ host, port: port === 0 ? 0 : port + i }))
}

function parseLocal(text: string, example: string): HostPort {
  const address = parseHostPort(text)
  if (address !== undefined && isHost(address.host)) return address
  throw new OperatorError('USAGE', `"${text}" is no local address: write host:port, such as ${example}`)
}

/** False also for a port that this user may not listen on. */
function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
