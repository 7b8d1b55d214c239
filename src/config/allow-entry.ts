/** One allow rule of a peer as it is configured: what it matches, and how that is served. */
import { z } from 'zod'
import { parseAllowRule } from '../base/allow-rule.ts'
import { text } from './schema-parts.ts'

const allowRule = text(value => {
  const rule = parseAllowRule(value)
  return typeof rule === 'string' ? rule : undefined
}).meta({ examples: ['127.0.0.1:5432', '10.0.0.0/8:*', 'db.internal:5432'] })

export const allowEntry = z.union(
  [
    allowRule,
    z.strictObject({
      to: allowRule.describe('The rule: host:port, network:port or *.suffix:port.'),
      proxyProtocol: z
        .enum(['v1', 'v2'], { error: 'must be v1 or v2' })
        .optional()
        .describe(
          'Tells the destination who connected: a PROXY protocol header of this version, with the client’s address as the peer ' +
            'tells it, before anything else. v2 carries the session ID, too. The destination must expect it. Default: no header.',
        ),
    }),
  ],
  { error: 'must be a rule, or {to: RULE, proxyProtocol: v1 or v2}' },
)
