/** Durations in text: `500ms`, `90s`, `15m`, `24h`, `7d`, or a number of seconds. */
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** @returns milliseconds, or undefined when `value` is no duration */
export function parseDuration(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value * 1_000 : undefined
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value.trim())
  return match === null ? undefined : Number(match[1]) * UNIT_MS[match[2]!]!
}
