/** Keys of the configuration that become rules of the kernel: what is captured, and what is dropped. */
import { z } from 'zod'
import { LIMITS } from '../base/limits.ts'
import { list, text } from './schema-parts.ts'
import { quoted } from './words.ts'

export const DEFAULT_CAPTURE_PORT = 15_001

/** Names and numbers go into rules of the firewall as they are, so they are read strictly. */
const userFault = { error: 'must be the name or the number of a user' }
const user = z.union(
  [
    z.int(userFault).min(0, userFault).max(0xffff_fffe, userFault),
    text(value =>
      /^[A-Za-z_][\w.-]*\$?$/.test(value) ? undefined : `${quoted(value)} is no user; write a name or a number`,
    ),
  ],
  userFault,
)

const cgroup = text(value =>
  /^[\w.@:\\-]+(\/[\w.@:\\-]+)*$/.test(value)
    ? undefined
    : `${quoted(value)} is no cgroup; write its path below /sys/fs/cgroup, such as system.slice/app.service`,
)

export const capture = z.strictObject({
  mode: z
    .enum(['redirect', 'tproxy'], { error: 'must be redirect or tproxy' })
    .default('redirect')
    .describe(
      'redirect: this host’s own connections, and those of containers that share its network. tproxy: connections that it ' +
        'forwards for others. Default redirect.',
    ),
  port: z
    .int({ error: 'must be a port, 1 to 65535' })
    .min(1, { error: 'must be a port, 1 to 65535' })
    .max(65_535, { error: 'must be a port, 1 to 65535' })
    .default(DEFAULT_CAPTURE_PORT)
    .describe(`Port of 127.0.0.1 and ::1 that captured connections are led to. Default ${DEFAULT_CAPTURE_PORT}.`),
  users: list(user, LIMITS.captureChoicesMax)
    .default([])
    .describe(
      `Only connections of these users, by name or number. Default: everybody’s. At most ${LIMITS.captureChoicesMax}.`,
    ),
  cgroups: list(cgroup, LIMITS.captureChoicesMax)
    .default([])
    .describe(
      'Only connections of these cgroups (version 2), by path below /sys/fs/cgroup. They keep their source address, and do ' +
        `not outlive its loss. Default: everybody’s. At most ${LIMITS.captureChoicesMax}.`,
    ),
  except: z
    .strictObject({
      users: list(user, LIMITS.captureChoicesMax)
        .default([])
        .describe(`Never captured: connections of these users. At most ${LIMITS.captureChoicesMax}.`),
      cgroups: list(cgroup, LIMITS.captureChoicesMax)
        .default([])
        .describe(`Never captured: connections of these cgroups. At most ${LIMITS.captureChoicesMax}.`),
    })
    .default({ users: [], cgroups: [] })
    .describe(
      'What is never captured, beside what the sidecar itself sends. A sidecar without CAP_NET_ADMIN must have its own user or ' +
        'cgroup here.',
    ),
  applyRules: z
    .boolean()
    .default(true)
    .describe(
      'Whether the sidecar applies and removes the rules. false: `holdfast firewall apply` was run before, as root. Default true.',
    ),
})

export const firewall = z.strictObject({
  suspend: z
    .boolean({ error: 'must be true or false' })
    .default(false)
    .describe(
      'Whether the kernel drops packets of a carrier that was lost, from and to its old addresses and ports, until another has ' +
        `taken over; ${LIMITS.suspensionMs / 1000} s at most. On Linux, with nftables and CAP_NET_ADMIN, for peers that this ` +
        'host can dial. Default false.',
    ),
})
