/** Log lines on stderr: text for people, or one JSON object a line. */
import type { Log } from '../sidecar/sidecar-api.ts'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export const LOG_FORMATS = ['text', 'json'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

export function createLog(level: LogLevel, format: LogFormat, write: (line: string) => void = toStderr): Log {
  const from = LOG_LEVELS.indexOf(level)
  const at = (name: LogLevel) => (message: string, fields: Record<string, unknown> = {}) => {
    if (LOG_LEVELS.indexOf(name) < from) return
    const time = new Date()
    if (format === 'json') write(JSON.stringify({ time: time.toISOString(), level: name, message, ...fields }))
    else write(`${clockOf(time)} ${name.padEnd(5)} ${message}${textOf(fields)}`)
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function textOf(fields: Record<string, unknown>): string {
  const shown = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)
  return shown.map(([key, value]) => ` ${key}=${quote(typeof value === 'object' ? JSON.stringify(value) : String(value))}`).join('')
}

function quote(text: string): string {
  return /[\s"=]/.test(text) ? JSON.stringify(text) : text
}

function clockOf(time: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const ms = String(time.getMilliseconds()).padStart(3, '0')
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${ms}`
}

function toStderr(line: string): void {
  process.stderr.write(`${line}\n`)
}
