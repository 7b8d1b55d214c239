/**
 * Two honest sidecars, each a process of its own, with an application that speaks through both, and one more key that the
 * office has pinned: the adversary's. Strangers have none.
 */
import { createIdentity, type Identity, loadIdentity, type PeerId } from '../../src/secure/identity.ts'
import { Bystander } from '../support/bystander.ts'
import type { RunningCli } from '../support/cli.ts'
import { CliHost, type Teardown } from '../support/cli-host.ts'
import { startEcho } from '../support/echo-service.ts'
import { MaliciousPeer, type Place } from '../support/malicious-peer.ts'
import { type Sink, startSink } from './sink.ts'

export interface Stage {
  readonly teardown: Teardown
  readonly office: CliHost
  readonly officeCli: RunningCli
  readonly officeId: PeerId
  /** Where the office listens: tcp, and ws at /holdfast. */
  readonly tcpPort: number
  readonly wsPort: number
  readonly laptop: CliHost
  readonly laptopCli: RunningCli
  /** Local port of the laptop that leads to `sink`, over the office. */
  readonly sinkForwardPort: number
  readonly echoPort: number
  /** Accepts and reads nothing. */
  readonly sink: Sink
  readonly bystander: Bystander
  /** Pinned by the office, with leave for `echoPort` and the sink. */
  readonly mallory: Identity
  readonly stranger: Identity
  /** A carrier of mallory's, greeted. */
  meet(place?: Partial<Place>, endpoints?: readonly string[]): Promise<MaliciousPeer>
}

export async function setStage(teardown: Teardown): Promise<Stage> {
  const [office, laptop] = [await CliHost.create(teardown), await CliHost.create(teardown)]
  const [mallory, stranger] = [loadIdentity(await createIdentity()), loadIdentity(await createIdentity())]
  const [echo, sink] = [await startEcho(teardown), await startSink(teardown)]
  const services = [echo.port, sink.port].map(port => `127.0.0.1:${port}`)
  const log = ['--log-format', 'json']
  const { cli: officeCli } = await office.up(
    {
      listen: ['tcp://127.0.0.1:0', 'ws://127.0.0.1:0/holdfast'],
      peers: [
        { name: 'laptop', id: laptop.peerId, allow: services },
        { name: 'mallory', id: mallory.peerId, allow: services },
      ],
    },
    ...log,
  )
  const listening = (await office.status()).listening
  const [tcpPort, wsPort] = listening.map(url => Number(new URL(url.replace('tcp:', 'http:')).port))
  const { cli: laptopCli } = await laptop.up(
    {
      peers: [{ name: 'office', id: office.peerId, endpoints: [listening[0]!] }],
      forward: services.map(to => ({ listen: '127.0.0.1:0', peer: 'office', to })),
    },
    ...log,
  )
  const bystander = await Bystander.start(await laptop.forwardPort(0))
  teardown.teardown(() => bystander.destroy())
  const officeId = office.peerId as PeerId
  return {
    teardown,
    office,
    officeCli,
    officeId,
    tcpPort: tcpPort!,
    wsPort: wsPort!,
    laptop,
    laptopCli,
    sinkForwardPort: await laptop.forwardPort(1),
    echoPort: echo.port,
    sink,
    bystander,
    mallory,
    stranger,
    meet: async (place = {}, endpoints) => {
      const peer = await MaliciousPeer.meet(mallory, officeId, { port: tcpPort!, ...place })
      await peer.greet(endpoints)
      return peer
    },
  }
}
