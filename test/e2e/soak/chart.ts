/** Draws the samples of a soak as an SVG: four panels over one time axis, with a mark for each disturbance. */
import type { Disturbance, Sample, SideSample } from './samples.ts'

const WIDTH = 960
const LEFT = 80
const RIGHT = 24
const TOP = 108
const PANEL = { height: 96, gap: 46 } as const
const COLORS = { near: '#1b8a63', far: '#2563a8' } as const

interface Panel {
  readonly title: string
  readonly valueOf: (side: SideSample) => number | null
}

const PANELS: readonly Panel[] = [
  { title: 'resident memory, MiB', valueOf: side => side.residentKib / 1024 },
  { title: 'open descriptors', valueOf: side => side.descriptors },
  { title: 'sessions', valueOf: side => side.sessions },
  { title: 'migrations so far', valueOf: side => side.migrations },
]

export function chartOf(
  title: string,
  about: string,
  samples: readonly Sample[],
  disturbances: readonly Disturbance[],
): string {
  const height = TOP + PANELS.length * (PANEL.height + PANEL.gap) + 20
  const seconds = Math.max(1, samples.at(-1)?.second ?? 1)
  const x = (second: number) => LEFT + (second / seconds) * (WIDTH - LEFT - RIGHT)
  const bottom = height - 20 - PANEL.gap
  const stops = disturbances.filter(({ what }) => what.startsWith('stop'))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${safe(title)}">`,
    '<style>text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2933 } .title { font-size: 18px; font-weight: 600 } .small { fill: #5f6c7b } .axis { stroke: #d5dbe1 } .move { stroke: #fbd9c6 } .stop { stroke: #c2410c; stroke-dasharray: 3 3 } .end { text-anchor: end } polyline { fill: none; stroke-width: 1.5 }</style>',
    `<rect x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="10" fill="#fff" stroke="#d5dbe1"/>`,
    text(24, 34, title, 'title'),
    text(24, 54, about, 'small'),
    text(24, 72, 'Each pale line is a migration, each broken one a stopped sidecar.', 'small'),
    ...disturbances.map(one => {
      const style = stops.includes(one) ? 'stop' : 'move'
      return `<line class="${style}" x1="${px(x(one.second))}" x2="${px(x(one.second))}" y1="${TOP}" y2="${bottom}"/>`
    }),
    ...PANELS.flatMap((panel, index) => draw(panel, TOP + index * (PANEL.height + PANEL.gap), samples, x)),
    text(LEFT, height - 14, '0 s', 'small'),
    text(WIDTH - RIGHT, height - 14, `${Math.round(seconds)} s`, 'small end'),
    text(WIDTH / 2 - 60, height - 14, 'near', 'small', COLORS.near),
    text(WIDTH / 2, height - 14, 'far', 'small', COLORS.far),
    '</svg>',
    '',
  ].join('\n')
}

function draw(panel: Panel, top: number, samples: readonly Sample[], x: (second: number) => number): readonly string[] {
  const values = samples.flatMap(({ near, far }) => [panel.valueOf(near) ?? 0, panel.valueOf(far) ?? 0])
  const most = ceiling(Math.max(1, ...values))
  const y = (value: number) => top + PANEL.height * (1 - value / most)
  const line = (side: 'near' | 'far') => {
    const points = samples.flatMap(sample => {
      const value = panel.valueOf(sample[side])
      return value === null ? [] : [`${px(x(sample.second))},${px(y(value))}`]
    })
    return `<polyline stroke="${COLORS[side]}" points="${points.join(' ')}"/>`
  }
  return [
    text(LEFT, top - 8, panel.title, 'small'),
    ...[0, most].flatMap(value => [
      `<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(y(value))}" y2="${px(y(value))}"/>`,
      text(LEFT - 8, y(value) + 4, String(value), 'small end'),
    ]),
    line('near'),
    line('far'),
  ]
}

/** The next of 1, 2, 5, 10, 20, 50, ... */
function ceiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 5].find(step => step * power >= value) ?? 10) * power
}

function text(x: number, y: number, content: string, style: string, fill?: string): string {
  const paint = fill === undefined ? '' : ` style="fill: ${fill}"`
  return `<text x="${px(x)}" y="${px(y)}" class="${style}"${paint}>${safe(content)}</text>`
}

function safe(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}

function px(value: number): number {
  return Math.round(value * 10) / 10
}
