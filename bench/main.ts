/** `npm run bench -- NAME`: runs one benchmark, prints its table, and keeps the samples in bench/results/. */
import { parseArgs } from 'node:util'
import { benchBlackout } from './blackout.ts'
import { benchConnect, CONNECT_PARTS } from './connect.ts'
import { connectText } from './connect-tables.ts'
import { writeDocs } from './docs.ts'
import { benchMemory } from './memory.ts'
import { saveResult } from './results.ts'
import { SUBJECTS } from './subjects.ts'
import { blackoutText, memoryText, throughputText } from './tables.ts'
import { benchThroughput, TUNNELS } from './throughput.ts'

const USAGE = `npm run bench -- throughput [--rounds 5] [--megabytes 1024] [--only holdfast,ssh,...]
npm run bench -- blackout   [--events 50] [--only holdfast,mptcp]
npm run bench -- memory     [--sessions 10000] [--rest 20] [--only holdfast,haproxy]
npm run bench -- connect    [--rounds 5] [--connections 2000] [--only direct,holdfast,...,transparent,path,rules]
npm run bench -- docs       writes docs/benchmarks.md from the last results
`

const OPTIONS = {
  rounds: { type: 'string', default: '5' },
  megabytes: { type: 'string', default: '1024' },
  events: { type: 'string', default: '50' },
  connections: { type: 'string', default: '2000' },
  sessions: { type: 'string', default: '10000' },
  rest: { type: 'string', default: '20' },
  only: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const

/** @returns the exit code */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true })
  const only = values.only?.split(',')
  switch (values.help ? undefined : positionals[0]) {
    case 'throughput': {
      const bytes = count('megabytes', values.megabytes) * 2 ** 20
      const rounds = count('rounds', values.rounds)
      const result = await benchThroughput({ rounds, bytes, only: only ?? Object.keys(TUNNELS) })
      return report(throughputText(result), saveResult('throughput', result))
    }
    case 'blackout': {
      const result = await benchBlackout({
        events: count('events', values.events),
        only: only ?? Object.keys(SUBJECTS),
      })
      return report(blackoutText(result), saveResult('blackout', result))
    }
    case 'memory': {
      const [sessions, restSeconds] = [count('sessions', values.sessions), count('rest', values.rest)]
      const result = await benchMemory({ sessions, restSeconds, only: only ?? ['holdfast', 'haproxy'] })
      return report(memoryText(result), saveResult('memory', result))
    }
    case 'connect': {
      const [rounds, connections] = [count('rounds', values.rounds), count('connections', values.connections)]
      const result = await benchConnect({ rounds, connections, only: only ?? CONNECT_PARTS })
      return report(connectText(result), saveResult('connect', result))
    }
    case 'docs':
      return report('', writeDocs())
    default:
      console.log(USAGE)
      return values.help ? 0 : 2
  }
}

function report(text: string, path: string): number {
  console.log(`${text === '' ? '' : `\n${text}\n\n`}written: ${path}`)
  return 0
}

function count(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a whole number above 0, not ${text}`)
  return value
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
}
