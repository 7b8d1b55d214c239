/** Parts that the schema of the configuration is made of. */
import { z } from 'zod'

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
