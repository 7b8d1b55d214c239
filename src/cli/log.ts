/** Log lines on stderr: `HH:MM:SS.mmm level message key=value` for people, or one JSON object a line. */
import { LIMITS } from '../base/limits.ts'
import type { Log } from '../sidecar/sidecar-api.ts'
import { harmless } from './terminal.ts'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export const LOG_FORMATS = ['text', 'json'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

export interface LogSink {
  write(line: string): void
  now(): Date
}

const STDERR: LogSink = { write: line => void process.stderr.write(line), now: () => new Date() }

/** @param level the least that is written */
export function createLog(level: LogLevel, format: LogFormat, { write, now }: LogSink = STDERR): Log {
  const floods = new Map<unknown, Flood>()
  const at = (name: LogLevel) => {
    if (LOG_LEVELS.indexOf(name) < LOG_LEVELS.indexOf(level)) return () => {}
    return (message: string, given: Record<string, unknown> = {}) => {
      const time = now()
      const fields = name === 'debug' ? given : withinBounds(floods, given, time.getTime())
      if (fields === undefined) return
      if (format === 'text') return write(`${clock(time)} ${name.padEnd(5)} ${harmless(message)}${pairs(fields)}\n`)
      const fixed = { time: time.toISOString(), level: name, message }
      write(`${JSON.stringify({ ...fixed, ...fields, ...fixed }, plain)}\n`)
    }
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** The lines of one code since `since`, and how many of them were left out. */
interface Flood {
  since: number
  lines: number
  leftOut: number
}

/** @returns what to write, or undefined when there were too many lines with this code of late; only known codes come here */
function withinBounds(floods: Map<unknown, Flood>, fields: Record<string, unknown>, nowMs: number) {
  const { code } = fields
  if (code === undefined) return fields
  const known = floods.get(code)
  if (known === undefined || Math.abs(nowMs - known.since) >= LIMITS.logSpanMs) {
    floods.set(code, { since: nowMs, lines: 1, leftOut: 0 })
    return known === undefined || known.leftOut === 0 ? fields : { ...fields, leftOut: known.leftOut }
  }
  if (known.lines++ < LIMITS.logLinesPerCodeMax) return fields
  known.leftOut++
  return undefined
}

/** What JSON would drop or refuse. */
function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) return value.message
  return typeof value === 'bigint' ? String(value) : value
}

function pairs(fields: Record<string, unknown>): string {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)
  return known.map(([key, value]) => ` ${key}=${shown(value)}`).join('')
}

function shown(value: unknown): string {
  const simple = plain('', value)
  const text = typeof simple === 'object' ? JSON.stringify(simple, plain) : String(simple)
  return harmless(/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text))
}

function clock(time: Date): string {
  const part = (value: number, digits: number) => String(value).padStart(digits, '0')
  const [h, m, s] = [time.getHours(), time.getMinutes(), time.getSeconds()].map(value => part(value, 2))
  return `${h}:${m}:${s}.${part(time.getMilliseconds(), 3)}`
}
