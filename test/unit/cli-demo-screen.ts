import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import { Screen } from '../../src/cli/demo/screen.ts'

const NOW = {
  doneBytes: 512 * 1_048_576,
  totalBytes: 1_024 * 1_048_576,
  bytesPerSecond: 1_023 * 1_048_576,
  path: '10.77.1.3:50001 -> 10.77.2.1:7700',
  state: 'suspended',
}

t.test('the picture is never wider than the terminal, so that it can be drawn over itself', async t => {
  for (const width of [30, 50, 59, 60, 80]) {
    let text = ''
    const screen = new Screen({ isLive: true, columns: () => width, write: more => (text += more) })
    for (let i = 0; i < 70; i++) screen.progress(NOW)
    const lines = stripVTControlCharacters(text).split('\n')
    const widest = Math.max(...lines.map(line => line.length))
    t.ok(widest <= width, `${widest} of ${width}`)
    t.match(lines.at(-4), ' 50 %')
    t.match(lines.at(-3), '1023.0 MiB/s')
  }
})
