import t from 'tap'
import { LIMITS } from '../../src/base/limits.ts'
import { createLog, type LogFormat, type LogLevel } from '../../src/cli/log.ts'

function logged(level: LogLevel, format: LogFormat): { lines: string[]; log: ReturnType<typeof createLog> } {
  const lines: string[] = []
  const now = () => new Date(2026, 4, 1, 7, 8, 9, 10)
  return { lines, log: createLog(level, format, { write: line => void lines.push(line), now }) }
}

t.test('writes a line for people, and quotes what has spaces', async t => {
  const { lines, log } = logged('debug', 'text')
  log.debug('began')
  log.info('migrated', { peer: 'office', to: 'a -> b', blackoutMs: 1.5, code: undefined, path: null, list: ['x'] })
  log.warn('failed', { cause: new Error('why not'), count: 3n, empty: '' })
  log.error('a\nb\x1b[2J', { name: 'x\ty' })
  t.same(lines, [
    '07:08:09.010 debug began\n',
    '07:08:09.010 info  migrated peer=office to="a -> b" blackoutMs=1.5 list="[\\"x\\"]"\n',
    '07:08:09.010 warn  failed cause="why not" count=3 empty=""\n',
    '07:08:09.010 error a?b?[2J name="x\\ty"\n',
  ])
})

t.test('writes one JSON object a line, whose own fields nothing replaces', async t => {
  const { lines, log } = logged('info', 'json')
  log.info('a\nb', { peer: 'office', level: 'fake', count: 3n, cause: new Error('why') })
  t.equal(lines.length, 1)
  t.match(lines[0], /^\{.*\}\n$/)
  t.same(JSON.parse(lines[0]!), {
    time: new Date(2026, 4, 1, 7, 8, 9, 10).toISOString(),
    level: 'info',
    message: 'a\nb',
    peer: 'office',
    count: '3',
    cause: 'why',
  })
})

t.test('leaves out what is below its level', async t => {
  for (const [level, count] of [
    ['debug', 4],
    ['info', 3],
    ['warn', 2],
    ['error', 1],
  ] as const) {
    const { lines, log } = logged(level, 'text')
    for (const one of ['debug', 'info', 'warn', 'error'] as const) log[one](one)
    t.equal(lines.length, count, level)
  }
})

t.test('lines with one code are bounded, and the next one says how many were left out', async t => {
  const lines: string[] = []
  let nowMs = 0
  const log = createLog('info', 'json', { write: line => void lines.push(line), now: () => new Date(nowMs) })
  const most = LIMITS.logLinesPerCodeMax
  for (let i = 0; i < most + 7; i++) log.warn('refused', { code: 'PEER_UNKNOWN', i })
  t.equal(lines.length, most)
  log.warn('another', { code: 'FRAME_MALFORMED' })
  for (let i = 0; i <= most; i++) log.info('no code')
  t.equal(lines.length, most + 1 + most + 1, 'neither another code nor lines without one are held back')
  nowMs = LIMITS.logSpanMs - 1
  log.warn('refused', { code: 'PEER_UNKNOWN' })
  nowMs = LIMITS.logSpanMs
  log.warn('refused', { code: 'PEER_UNKNOWN' })
  t.match(JSON.parse(lines.at(-1)!), { code: 'PEER_UNKNOWN', leftOut: 8 })
  nowMs += LIMITS.logSpanMs
  log.warn('refused', { code: 'PEER_UNKNOWN' })
  t.notOk('leftOut' in JSON.parse(lines.at(-1)!))
  t.equal(lines.length, 2 * most + 4)
})
