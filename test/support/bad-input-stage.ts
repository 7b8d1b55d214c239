/** Two honest sidecars, and what somebody needs who means them ill. */
import type { Test } from 'tap'
import type { Code } from '../../src/base/codes.ts'
import { createIdentity, type Identity, loadIdentity } from '../../src/secure/identity.ts'
import { OUTER } from '../../src/wire/outer-frame.ts'
import { type Impostor, startImpostor } from './attacker.ts'
import { type RunningCli, runCli } from './cli.ts'
import { CliHost } from './cli-host.ts'
import { type EchoService, startEcho } from './echo-service.ts'
import { type RecordingProxy, startRecordingProxy } from './recording-proxy.ts'

export interface Stage {
  readonly t: Test
  /** Accepts; every attack on a port goes to it. */
  readonly office: CliHost
  readonly officeCli: RunningCli
  readonly port: number
  /** Dials the office, through `proxy`. */
  readonly laptop: CliHost
  readonly laptopCli: RunningCli
  readonly proxy: RecordingProxy
  readonly echo: EchoService
  /** Nobody's peer. */
  readonly mallory: Identity
  readonly impostor: Impostor
}

/** What was done, as the attacker saw it, and where the operator reads of it. */
export interface Outcome {
  /** The code that came back to whoever did it, if anything does. */
  readonly answer?: Code | undefined
  /** The log line with the row's code on the attacked side, or what the command wrote to stderr. */
  readonly told: string
}

export async function setStage(t: Test): Promise<Stage> {
  const [office, laptop] = [await CliHost.create(t), await CliHost.create(t)]
  const [mallory, stranger] = [loadIdentity(await createIdentity()), loadIdentity(await createIdentity())]
  const [echo, proxy, impostor] = [await startEcho(t), await startRecordingProxy(t), await startImpostor(t, mallory)]
  const service = `127.0.0.1:${echo.port}`
  const log = ['--log-format', 'json', '--log-level', 'debug']
  const viaProxy = `tcp://127.0.0.1:${proxy.port}`
  const { cli: officeCli } = await office.up(
    {
      listen: ['tcp://127.0.0.1:0'],
      advertise: [viaProxy],
      peers: [{ name: 'laptop', id: laptop.peerId, allow: [service] }],
    },
    ...log,
  )
  const port = Number((await office.endpoint()).split(':').at(-1))
  proxy.target = port
  const { cli: laptopCli } = await laptop.up(
    {
      peers: [
        { name: 'office', id: office.peerId, endpoints: [viaProxy] },
        { name: 'branch', id: stranger.peerId, endpoints: [`tcp://127.0.0.1:${impostor.port}`] },
      ],
      forward: [
        { listen: '127.0.0.1:0', peer: 'office', to: service },
        { listen: '127.0.0.1:0', peer: 'office', to: '127.0.0.1:9' },
      ],
    },
    ...log,
  )
  return { t, office, officeCli, port, laptop, laptopCli, proxy, echo, mallory, impostor }
}

export function atOffice(stage: Stage, code: Code, attack: () => Promise<Code | undefined>): Promise<Outcome> {
  return logged(stage.officeCli, code, attack)
}

/** @returns the line that `cli` logs with this code, because of `attack` */
export async function logged(cli: RunningCli, code: Code, attack: () => Promise<Code | undefined>): Promise<Outcome> {
  const from = cli.stderr.length
  const answer = await attack()
  return { answer, told: await lineWith(cli, code, from) }
}

export function lineWith(cli: RunningCli, code: Code, from: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const lines = cli.stderr.slice(from).split('\n').slice(0, -1)
      // What else a command says to people is no JSON.
      const entries = lines.filter(one => one.startsWith('{')).map(one => [one, JSON.parse(one)] as const)
      const line = entries.find(([, entry]) => entry.code === code && entry.level !== 'debug')?.[0]
      if (line === undefined) return
      stop()
      resolve(line)
    }
    const fail = () => {
      stop()
      reject(new Error(`it ended without a line with ${code}:\n${cli.stderr.slice(from)}`))
    }
    const stop = () => {
      cli.child.stderr!.off('data', look)
      cli.child.off('exit', fail)
    }
    cli.child.stderr!.on('data', look)
    cli.child.once('exit', fail)
    look()
  })
}

/** The bytes with which the laptop has just resumed on a new carrier. */
export async function recordedResume({ laptop, proxy }: Stage): Promise<Buffer> {
  const known = proxy.recorded.length
  const epoch = async () => (await laptop.status()).peers[0]!.epoch
  const before = await epoch()
  await runCli(['migrate', '--peer', 'office', '--config', laptop.configFile])
  while ((await epoch()) === before) await new Promise(resolve => setTimeout(resolve, 20))
  const flight = proxy.recorded.slice(known).find(bytes => bytes[0] === OUTER.RESUME)
  if (flight === undefined) throw new Error('the laptop moved without a RESUME')
  return flight
}
