/** Shows the demo: a live picture on a terminal, plain lines elsewhere. */
import { styleText } from 'node:util'
import { bytes } from '../status-text.ts'

export interface Progress {
  readonly doneBytes: number
  readonly totalBytes: number
  readonly bytesPerSecond: number
  readonly path: string
  readonly state: string
}

export interface Terminal {
  /** Whether lines can be drawn again. */
  readonly isLive: boolean
  write(text: string): void
  /** How wide it is now. */
  columns(): number
}

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
const HISTORY = 60
const METER = 40
/** Beside the history, and beside the meter. */
const RATE_CHARS = 16
const PERCENT_CHARS = 9

export class Screen {
  readonly #isLive: boolean
  readonly #write: (text: string) => void
  readonly #columns: () => number
  readonly #history: number[] = []
  #drawnLines = 0
  #lastPlainAt = 0

  constructor({ isLive, write, columns }: Terminal) {
    this.#isLive = isLive
    this.#write = write
    this.#columns = columns
  }

  /** A line that stays. */
  say(text: string, style: Parameters<typeof styleText>[0] = 'reset'): void {
    this.#erase()
    this.#write(`${this.#isLive ? styleText(style, text) : text}\n`)
  }

  progress(now: Progress): void {
    this.#history.push(now.bytesPerSecond)
    if (this.#history.length > HISTORY) this.#history.shift()
    if (this.#isLive) return this.#draw(now)
    const at = Date.now()
    if (at - this.#lastPlainAt < 1_000) return
    this.#lastPlainAt = at
    this.#write(`  ${percent(now)} ${bytes(now.bytesPerSecond)}/s  ${now.state}  ${now.path}\n`)
  }

  /** The live picture goes away. */
  done(): void {
    this.#erase()
  }

  #draw(now: Progress): void {
    this.#erase()
    const most = Math.max(...this.#history, 1)
    // A line that wraps would be two, and the picture could not be drawn over itself.
    const columns = this.#columns()
    const width = (wanted: number, beside: number) => Math.max(0, Math.min(wanted, columns - beside))
    const history = width(HISTORY, RATE_CHARS)
    const meterChars = width(METER, PERCENT_CHARS)
    const line = this.#history
      .slice(-history || this.#history.length)
      .map(value => BARS[Math.min(BARS.length - 1, Math.floor((value / most) * BARS.length))])
      .join('')
    const filled = Math.round((now.doneBytes / now.totalBytes) * meterChars)
    const meter = styleText('green', '━'.repeat(filled)) + styleText('dim', '━'.repeat(meterChars - filled))
    const state = styleText(now.state === 'stable' ? 'green' : 'yellow', now.state)
    const lines = [
      '',
      `  ${meter} ${percent(now)}`,
      `  ${styleText('cyan', line.padEnd(history))} ${bytes(now.bytesPerSecond)}/s`,
      `  ${state}  ${now.path.slice(0, width(now.path.length, now.state.length + 5))}`,
    ]
    this.#write(`${lines.join('\n')}\n`)
    this.#drawnLines = lines.length
  }

  #erase(): void {
    if (this.#drawnLines > 0) this.#write(`\x1b[${this.#drawnLines}A\x1b[J`)
    this.#drawnLines = 0
  }
}

function percent({ doneBytes, totalBytes }: Progress): string {
  return `${Math.floor((doneBytes / totalBytes) * 100)} %`.padStart(5)
}
