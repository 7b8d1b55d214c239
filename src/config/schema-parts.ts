/** Parts that the schema of the configuration is made of. */
import { z } from 'zod'
import { parseNetwork } from '../base/network.ts'

/** A string that `fault` finds nothing wrong with. */
export function text(fault: (text: string) => string | undefined) {
  return z.string().superRefine((value, context) => {
    const message = fault(value)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })
}

export function list<T extends z.ZodType>(item: T, most: number) {
  return z.array(item).max(most, { error: `has more than ${most} entries` })
}

export const network = text(value => {
  const found = parseNetwork(value)
  return typeof found === 'string' ? found : undefined
}).meta({ examples: ['10.0.0.0/8', '127.0.0.1', 'fd00::/8'] })
