// Draws docs/images/migration.svg from a real run of the demo:
//     node scripts/demo-picture.mjs                 runs `holdfast demo` and draws what was measured
//     node scripts/demo-picture.mjs RECORDING       draws a file that `holdfast demo --record FILE` wrote
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PICTURE = 'docs/images/migration.svg'
const MIB = 1_048_576
const WIDTH = 960
const HEIGHT = 520
const RUN = { x: 64, y: 84, width: 868, height: 132, binMs: 100 }
const ZOOM = { y: 344, height: 96, beforeMs: 60 }
/** A silence that begins so long after a change is not of it; as in src/cli/demo/recording.ts. */
const NEAR_MS = 250

const { about, events, migrations, arrivals } = JSON.parse(
  process.argv[2] ? readFileSync(process.argv[2], 'utf8') : record(),
)
const from = arrivals[0][0]
const to = arrivals.at(-1)[0]
const gaps = gapsOf()
const afterMs = Math.ceil(Math.max(...gaps.map(({ ms }) => ms)) / 20) * 20 + 60
writeFileSync(PICTURE, draw())
console.log(`${PICTURE}: ${gaps.map(({ ms }, i) => `event ${i + 1}: ${Math.round(ms)} ms`).join(', ')}`)

function record() {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-picture-'))
  const file = join(directory, 'recording.json')
  const args = ['build/src/cli/main.js', 'demo', '--seconds', '20', '--record', file]
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (status !== 0) throw new Error('the demo did not show what it should: nothing is drawn')
  const text = readFileSync(file, 'utf8')
  rmSync(directory, { recursive: true })
  return text
}

/** The longest time without a byte around each event. */
function gapsOf() {
  return events.map(({ at }) => {
    let longest = { ms: 0, from: at }
    for (let i = 1; i < arrivals.length; i++) {
      const [[before], [after]] = [arrivals[i - 1], arrivals[i]]
      const isNear = after > at && before < at + NEAR_MS
      if (isNear && after - before > longest.ms) longest = { ms: after - before, from: before }
    }
    return longest
  })
}

function draw() {
  const seconds = Math.round((to - from) / 1000)
  const mebibytes = Math.round(arrivals.reduce((sum, [, bytes]) => sum + bytes, 0) / MIB)
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="Throughput of one download through ${events.length} address changes">`,
    `<style>
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2933 }
.title { font-size: 18px; font-weight: 600 }
.small { font-size: 12px; fill: #5f6c7b }
.strong { font-size: 13px; font-weight: 600 }
.axis { stroke: #d5dbe1 }
.area { fill: #bfe3d6; stroke: #1b8a63; stroke-width: 1.5 }
.line { fill: none; stroke: #1b8a63; stroke-width: 2 }
.event { stroke: #c2410c; stroke-dasharray: 3 3 }
.mark { fill: #c2410c }
.number { fill: #fff; font-weight: 600; text-anchor: middle }
.gap { fill: #fbd9c6 }
.end { text-anchor: end }
</style>`,
    `<rect x="0.5" y="0.5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="10" fill="#fff" stroke="#d5dbe1"/>`,
    text(24, 34, `One download, ${events.length} address changes, one TCP connection`, 'title'),
    text(
      24,
      56,
      `${mebibytes} MiB over HTTP in ${seconds} s; sent and received have the same SHA-256. MiB/s at the client:`,
      'small',
    ),
    ...run(),
    text(
      24,
      ZOOM.y - 78,
      `The same moments close up: bytes received, ${ZOOM.beforeMs} ms before to ${afterMs} ms after`,
      'small',
    ),
    ...events.flatMap((event, i) => zoom(event, gaps[i], migrations[i], i)),
    text(24, HEIGHT - 16, `Recorded from holdfast demo: ${about}.`, 'small'),
    '</svg>',
  ]
  return `${parts.join('\n')}\n`
}

function run() {
  const bins = new Array(Math.ceil((to - from) / RUN.binMs)).fill(0)
  for (const [at, bytes] of arrivals) bins[Math.min(bins.length - 1, Math.floor((at - from) / RUN.binMs))] += bytes
  const rates = bins.map(bytes => bytes / MIB / (RUN.binMs / 1000))
  const most = Math.ceil(Math.max(...rates) / 12) * 12
  const x = at => RUN.x + ((at - from) / (to - from)) * RUN.width
  const y = rate => RUN.y + RUN.height * (1 - rate / most)
  const bottom = y(0)
  const points = rates.map((rate, i) => `${px(x(Math.min(to, from + (i + 0.5) * RUN.binMs)))},${px(y(rate))}`)
  const ticks = [0, most / 2, most]
  return [
    ...ticks.map(
      rate => `<line class="axis" x1="${RUN.x}" x2="${RUN.x + RUN.width}" y1="${px(y(rate))}" y2="${px(y(rate))}"/>`,
    ),
    ...ticks.map(rate => text(RUN.x - 8, y(rate) + 4, String(rate), 'small end')),
    `<polygon class="area" points="${RUN.x},${bottom} ${points.join(' ')} ${RUN.x + RUN.width},${bottom}"/>`,
    ...events.flatMap(({ at }, i) => [
      `<line class="event" x1="${px(x(at))}" x2="${px(x(at))}" y1="${RUN.y - 4}" y2="${bottom}"/>`,
      ...mark(x(at), RUN.y - 8, i),
    ]),
    text(RUN.x, bottom + 18, '0 s', 'small'),
    text(RUN.x + RUN.width, bottom + 18, `${((to - from) / 1000).toFixed(0)} s`, 'small end'),
  ]
}

function zoom({ at, title }, gap, migration, i) {
  const width = (WIDTH - 48 - 18 * (events.length - 1)) / events.length
  const left = 24 + i * (width + 18)
  const [begin, end] = [at - ZOOM.beforeMs, at + afterMs]
  const x = time => left + (Math.min(Math.max(time, begin), end) - begin) * (width / (end - begin))
  const inside = arrivals.filter(([time]) => time >= begin && time <= end)
  const total = inside.reduce((sum, [, bytes]) => sum + bytes, 0)
  const y = bytes => ZOOM.y + ZOOM.height * (1 - bytes / total)
  let sum = 0
  const steps = inside.map(([time, bytes]) => {
    const before = sum
    sum += bytes
    return `${px(x(time))},${px(y(before))} ${px(x(time))},${px(y(sum))}`
  })
  return [
    `<rect class="gap" x="${px(x(gap.from))}" y="${ZOOM.y}" width="${px(x(gap.from + gap.ms) - x(gap.from))}" height="${ZOOM.height}"/>`,
    `<line class="axis" x1="${px(left)}" x2="${px(left + width)}" y1="${ZOOM.y + ZOOM.height}" y2="${ZOOM.y + ZOOM.height}"/>`,
    `<line class="event" x1="${px(x(at))}" x2="${px(x(at))}" y1="${ZOOM.y}" y2="${ZOOM.y + ZOOM.height}"/>`,
    `<polyline class="line" points="${px(left)},${px(y(0))} ${steps.join(' ')} ${px(left + width)},${px(y(sum))}"/>`,
    ...mark(left + 9, ZOOM.y - 46, i),
    ...wrapped(title).map((line, n) => text(left + 26, ZOOM.y - 48 + 15 * n, line, 'small')),
    text(left, ZOOM.y + ZOOM.height + 18, `${Math.round(gap.ms)} ms without a byte`, 'strong'),
    text(left, ZOOM.y + ZOOM.height + 35, `reason of the migration: ${migration.reason}`, 'small'),
  ]
}

function mark(x, y, i) {
  return [`<circle class="mark" cx="${px(x)}" cy="${px(y)}" r="9"/>`, text(x, y + 4.5, String(i + 1), 'number')]
}

/** In lines of at most 28 characters. */
function wrapped(title) {
  const lines = ['']
  for (const word of title.split(' ')) {
    if (`${lines.at(-1)} ${word}`.length > 28) lines.push(word)
    else lines.push(`${lines.pop()} ${word}`.trim())
  }
  return lines
}

function text(x, y, content, style) {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${px(x)}" y="${px(y)}" class="${style}">${safe}</text>`
}

function px(value) {
  return Math.round(value * 10) / 10
}
