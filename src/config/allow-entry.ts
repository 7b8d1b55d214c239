/** One allow rule of a peer as it is configured: what it matches, and how that is served. */
import { z } from 'zod'
import { parseAllowRule } from '../base/allow-rule.ts'
import { addressBytes } from '../base/ip-address.ts'
import { LIMITS } from '../base/limits.ts'
import { holderOf, parseNetwork } from '../base/network.ts'
import { list, text } from './schema-parts.ts'

const allowRule = text(value => {
  const rule = parseAllowRule(value)
  return typeof rule === 'string' ? rule : undefined
}).meta({ examples: ['127.0.0.1:5432', '10.0.0.0/8:*', 'db.internal:5432'] })

/** What means something else on each host, or on each link. */
const LOCAL_NETWORKS = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3', '::/127', 'fe80::/10', 'ff00::/8']
  .map(parseNetwork)
  .filter(found => typeof found !== 'string')

const clientNetwork = text(value => {
  const found = parseNetwork(value)
  if (typeof found === 'string') return found
  const { family, address, prefixBits } = found
  const bytes = addressBytes({ family, text: address })
  const isLocal = LOCAL_NETWORKS.some(local => prefixBits >= local.prefixBits && holderOf(local)(bytes))
  return isLocal ? `${value} means something else on each host; write the network that clients come from` : undefined
}).meta({ examples: ['10.79.0.0/16', 'fd79::/16'] })

const allowMapping = z
  .strictObject({
    to: allowRule.describe('The rule: host:port, network:port or *.suffix:port.'),
    proxyProtocol: z
      .enum(['v1', 'v2'], { error: 'must be v1 or v2' })
      .optional()
      .describe(
        'Tells the destination who connected: a PROXY protocol header of this version, with the client’s address as the peer ' +
          'tells it, before anything else. v2 carries the session ID, too. The destination must expect it. Default: no header.',
      ),
    source: z
      .literal('preserve', { error: 'must be preserve; leave it out for this host’s own address' })
      .optional()
      .describe(
        'preserve: the destination sees the client’s own address as the source of the connection. Its way back to the client must ' +
          'lead through this host. On Linux, with nftables, iproute2 and CAP_NET_ADMIN. Where the address cannot be kept, the ' +
          'connection is refused with SOURCE_REFUSED. Needs `clients`. Default: this host’s address.',
      ),
    clients: list(clientNetwork, LIMITS.clientsPerRuleMax)
      .min(1, { error: 'is empty; write the networks that clients come from' })
      .optional()
      .describe(
        'Whose addresses this peer may name for `source: preserve`: addresses and networks, such as 10.79.0.0/16 or fd79::/16. The ' +
          `peer can say anything; who is in none of them is refused with SOURCE_REFUSED. At most ${LIMITS.clientsPerRuleMax}.`,
      ),
  })
  .superRefine(({ source, clients }, context) => {
    if (source !== undefined && clients === undefined) {
      const message =
        '`source: preserve` needs `clients: [NETWORK, …]`: whose addresses the peer may name, for it can name any'
      context.addIssue({ code: 'custom', message })
    }
    if (source === undefined && clients !== undefined) {
      const message = 'is for `source: preserve`; write that, too, or leave it out'
      context.addIssue({ code: 'custom', path: ['clients'], message })
    }
  })

export const allowEntry = z.union([allowRule, allowMapping], {
  error: 'must be a rule, or {to: RULE} with proxyProtocol or source',
})
