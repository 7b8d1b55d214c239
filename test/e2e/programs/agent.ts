/**
 * A traffic agent: an application server and client in one process, on one host of the lab. Orders come on standard
 * input, answers go to standard output (agent-protocol.ts); it ends when its standard input closes.
 */
import { connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { type AgentAnswer, type AgentOrder, type FlowPlan, monotonicMs } from './agent-protocol.ts'
import { Flow } from './flow.ts'
import { askProxy } from './proxy-client.ts'

const PLAN_BYTES_MAX = 1024

const flows = new Map<string, Flow>()

createInterface({ input: process.stdin })
  .on('line', line => obey(JSON.parse(line) as AgentOrder))
  .on('close', () => process.exit(0))

function obey(order: AgentOrder): void {
  if (order.do === 'listen') listen(order)
  else if (order.do === 'open') void open(order)
  else if (order.do === 'report')
    answer({ event: 'report', tag: order.tag, report: flows.get(order.id)?.report(order.gapsFromMs) ?? null })
  else if (order.do === 'rtt') void measure(order)
  else if (order.do === 'forget') flows.delete(order.id)
  else flows.get(order.id)?.[order.do]()
}

function listen(order: AgentOrder & { do: 'listen' }): void {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept)
  server.on('error', error => answer({ event: 'refused', tag: order.tag, message: error.message }))
  server.listen(order.port, order.host, () => {
    const address = server.address()
    if (address !== null && typeof address === 'object')
      answer({ event: 'listening', tag: order.tag, port: address.port })
  })
}

/** The first line says what the connection is for. */
function accept(socket: Socket): void {
  const remote = `${socket.remoteAddress}:${socket.remotePort}`
  let head = Buffer.alloc(0)
  const onData = (bytes: Buffer) => {
    head = Buffer.concat([head, bytes])
    const end = head.indexOf(0x0a)
    if (end < 0 && head.length < PLAN_BYTES_MAX) return
    socket.off('data', onData).off('error', onError)
    const plan = JSON.parse(head.subarray(0, end).toString()) as FlowPlan
    const remotes = [...(flows.get(plan.id)?.remotes ?? []), remote]
    const flow = new Flow(socket, plan, false, remotes)
    flows.set(plan.id, flow)
    flow.begin()
    if (head.length > end + 1) flow.handleBytes(head.subarray(end + 1))
  }
  // One that dies before it has said anything (a timed connect) is none of ours.
  const onError = () => socket.destroy()
  socket.on('data', onData).on('error', onError)
}

async function open({ host, port, plan, proxy }: AgentOrder & { do: 'open' }): Promise<void> {
  const socket = connect({ host: proxy?.host ?? host, port: proxy?.port ?? port, allowHalfOpen: true })
  // A proxy that refuses ends this agent, and with it the scenario.
  if (proxy !== undefined) await askProxy(socket, proxy.kind, host, port)
  const flow = new Flow(socket, plan, true, [])
  flows.set(plan.id, flow)
  const begin = () => {
    socket.write(`${JSON.stringify(plan)}\n`)
    flow.begin()
  }
  if (socket.connecting) socket.once('connect', begin)
  else begin()
}

async function measure(order: AgentOrder & { do: 'rtt' }): Promise<void> {
  const samplesMs: number[] = []
  for (let sample = 0; sample < order.count; sample++) {
    const startMs = monotonicMs()
    const message = await new Promise<string | undefined>(resolve => {
      const socket = connect(order.port, order.host, () => {
        samplesMs.push(monotonicMs() - startMs)
        socket.destroy()
        resolve(undefined)
      })
      socket.once('error', error => resolve(error.message))
    })
    if (message !== undefined) return answer({ event: 'refused', tag: order.tag, message })
  }
  answer({ event: 'rtt', tag: order.tag, samplesMs })
}

function answer(what: AgentAnswer): void {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}
