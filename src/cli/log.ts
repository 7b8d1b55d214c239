/** Log lines on stderr: `HH:MM:SS.mmm level message key=value` for people, or one JSON object a line. */
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
  const at = (name: LogLevel) => {
    if (LOG_LEVELS.indexOf(name) < LOG_LEVELS.indexOf(level)) return () => {}
    return (message: string, fields: Record<string, unknown> = {}) => {
      const time = now()
      if (format === 'text') return write(`${clock(time)} ${name.padEnd(5)} ${harmless(message)}${pairs(fields)}\n`)
      const fixed = { time: time.toISOString(), level: name, message }
      write(`${JSON.stringify({ ...fixed, ...fields, ...fixed }, plain)}\n`)
    }
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
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
