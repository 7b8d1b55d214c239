/**
 * Clients' addresses as the sources of connections to destinations (`source: preserve`): what this host needs for it, as long as
 * the sidecar runs. Which address may be used for which connection is judged at each dial (egress/preserved-source.ts).
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { OperatorError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import { type Network, parseNetwork } from '../base/network.ts'
import type { Config } from '../config/config.ts'
import { networkText } from '../firewall/capture-plan.ts'
import { applyClients, removeClients } from '../firewall/firewall.ts'
import { canKeepSource } from '../platform/own-socket.ts'
import { isLinux } from '../platform/system.ts'
import { hasIpv6 } from './capturing.ts'
import { OwnRules } from './own-rules.ts'
import type { Log } from './sidecar-api.ts'

/** In the abstract namespace of unix sockets: one for each network namespace, and gone with the process, however it ends. */
const CLAIM = '\0holdfast-clients'

export class Preserving {
  readonly #claim: Server
  readonly #rules = new OwnRules(removeClients)
  readonly #log: Log

  private constructor(claim: Server, log: Log) {
    this.#claim = claim
    this.#log = log
  }

  /**
   * @returns undefined when no rule of the configuration keeps clients' addresses
   * @throws OperatorError SOURCE_UNAVAILABLE; nothing of ours is left then
   */
  static async start(config: Config, log: Log): Promise<Preserving | undefined> {
    const networks = clientNetworks(config)
    if (networks.length === 0) return undefined
    if (!isLinux()) throw unavailable('only Linux can; leave `source: preserve` out')
    if (!canKeepSource()) {
      throw unavailable('this process may not use the addresses of others; run it as root, or grant CAP_NET_ADMIN')
    }
    const claim = await claimNamespace()
    try {
      applyClients(networks)
    } catch (error) {
      claim.close()
      throw error
    }
    log.info('keeping addresses of clients', { networks: networks.length })
    return new Preserving(claim, log)
  }

  /** For when the connections have ended: they need the rules to the last. Harmless when repeated. */
  stop(): void {
    if (!this.#claim.listening) return
    this.#rules.remove(this.#log)
    this.#claim.close()
  }
}

/**
 * Of all rules that keep addresses, each network once.
 * @throws OperatorError SOURCE_UNAVAILABLE
 */
export function clientNetworks({ peers }: Config): readonly Network[] {
  const entries = peers.flatMap(({ allow }) => allow).filter(entry => typeof entry !== 'string')
  const texts = entries.flatMap(({ source, clients = [] }) => (source === 'preserve' ? clients : []))
  const networks = texts.map(parseNetwork).filter(network => typeof network !== 'string')
  const unique = [...new Map(networks.map(network => [networkText(network), network])).values()]
  if (unique.length > LIMITS.clientNetworksMax) {
    const most = `${unique.length} networks of clients, and ${LIMITS.clientNetworksMax} are the most`
    throw unavailable(`the rules have ${most}; join them`)
  }
  return unique.filter(({ family }) => family === 4 || hasIpv6())
}

/** Two would take each other's rules away. */
async function claimNamespace(): Promise<Server> {
  const claim = createServer(socket => socket.destroy()).unref()
  try {
    await once(claim.listen(CLAIM), 'listening')
    return claim
  } catch {
    throw unavailable('another sidecar does so here already; stop it, or give this one a network namespace of its own')
  }
}

function unavailable(why: string): OperatorError {
  return new OperatorError('SOURCE_UNAVAILABLE', `addresses of clients cannot be kept: ${why}`)
}
