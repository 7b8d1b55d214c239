/** Which local ports the services of a ticket get. */
import { createServer } from 'node:net'
import { type HostPort, isHost, parseHostPort } from '../base/endpoint.ts'
import { OperatorError } from '../base/errors.ts'

/**
 * @param wanted LOCAL:PORT for the first service, the following ports for the others; port 0 means a free one for each
 * @returns one address for each service; port 0 where any free one shall be taken
 * @throws OperatorError USAGE
 */
export async function localAddresses(
  services: readonly HostPort[],
  wanted: string | undefined,
): Promise<readonly HostPort[]> {
  if (wanted !== undefined) return following(services.length, wanted)
  const addresses: HostPort[] = []
  for (const { port } of services) {
    const isTaken = addresses.some(one => one.port === port) || !(await isFree(port))
    addresses.push({ host: '127.0.0.1', port: isTaken ? 0 : port })
  }
  return addresses
}

function following(count: number, wanted: string): readonly HostPort[] {
  const first = parseHostPort(wanted)
  if (first === undefined || !isHost(first.host)) {
    throw new OperatorError('USAGE', `"${wanted}" is no local address: write host:port, such as 127.0.0.1:15432`)
  }
  const { host, port } = first
  if (port + count > 65_536) {
    throw new OperatorError('USAGE', `${wanted} leaves too few ports for ${count} services: write a smaller port`)
  }
  return Array.from({ length: count }, (_, i) => ({ host, port: port === 0 ? 0 : port + i }))
}

/** False also for a port that this user may not listen on. */
function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
