/** A laptop with proxies, and an office whose names only the office knows. */
import type { ConfigInput } from '../../src/config/schema.ts'
import type { RunningCli } from './cli.ts'
import { CliHost, runningCli, type Teardown } from './cli-host.ts'

/** A name server that only the office has. */
const OFFICE_NAMES = `
  import dns from 'node:dns'
  import { syncBuiltinESMExports } from 'node:module'
  const { lookup } = dns.promises
  const found = [{ address: '127.0.0.1', family: 4 }]
  dns.promises.lookup = async (name, ...more) => (name === 'db.office.test' ? found : lookup(name, ...more))
  syncBuiltinESMExports()`

type More = Pick<ConfigInput, 'routes' | 'proxy' | 'forward'>

export interface ProxyStage {
  readonly office: CliHost
  readonly laptop: CliHost
  /** The laptop's. */
  readonly cli: RunningCli
  /** host:port of its first proxy. */
  readonly place: string
}

/** Both run, and a name that only the office knows is db.office.test, which is 127.0.0.1 there. */
export async function proxyStage(t: Teardown, allow: readonly string[], more: More): Promise<ProxyStage> {
  const [office, laptop] = [await CliHost.create(t), await CliHost.create(t)]
  office.configure({
    listen: ['tcp://127.0.0.1:0'],
    peers: [{ name: 'laptop', id: laptop.peerId, allow: [...allow] }],
  })
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(OFFICE_NAMES)}` }
  await runningCli(t, ['up', '--config', office.configFile], { env }).line()
  const { cli } = await laptop.up({
    peers: [{ name: 'office', id: office.peerId, endpoints: [await office.endpoint()] }],
    ...more,
  })
  return { office, laptop, cli, place: await laptop.proxy() }
}
