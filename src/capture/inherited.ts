/**
 * Listening sockets that this process was started with (sd_listen_fds(3)): systemd makes them, with privileges that the
 * process need not have, such as `Transparent=yes`.
 */
const FIRST = 3

/** @returns their descriptors; none when they are meant for another process */
export function inheritedSockets(env: NodeJS.ProcessEnv, pid: number): readonly number[] {
  const count = Number(env['LISTEN_FDS'] ?? '')
  if (Number(env['LISTEN_PID'] ?? '') !== pid || !Number.isInteger(count) || count < 1) return []
  return Array.from({ length: count }, (_, i) => FIRST + i)
}
