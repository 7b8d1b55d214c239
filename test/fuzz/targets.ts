/** Everything that reads bytes from outside. */
import type { Target } from './target.ts'
import { configuration } from './targets/configuration.ts'
import { control } from './targets/control.ts'
import { innerFrames } from './targets/inner-frames.ts'
import { outerFrames } from './targets/outer-frames.ts'
import { ticket } from './targets/ticket.ts'

export const TARGETS: readonly Target[] = [outerFrames, innerFrames, control, ticket, configuration]
