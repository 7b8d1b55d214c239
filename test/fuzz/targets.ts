/** Everything that reads bytes from outside. */
import type { Target } from './target.ts'
import { admin } from './targets/admin.ts'
import { answer } from './targets/answer.ts'
import { certificate } from './targets/certificate.ts'
import { channel } from './targets/channel.ts'
import { configuration } from './targets/configuration.ts'
import { control } from './targets/control.ts'
import { engine } from './targets/engine.ts'
import { innerFrames } from './targets/inner-frames.ts'
import { outerFrames } from './targets/outer-frames.ts'
import { proxyDialogues } from './targets/proxy-dialogues.ts'
import { proxyHeaders } from './targets/proxy-header.ts'
import { ticket } from './targets/ticket.ts'
import { upgrade } from './targets/upgrade.ts'

export const TARGETS: readonly Target[] = [
  outerFrames,
  innerFrames,
  control,
  channel,
  engine,
  certificate,
  upgrade,
  answer,
  admin,
  proxyHeaders,
  proxyDialogues,
  ticket,
  configuration,
]
