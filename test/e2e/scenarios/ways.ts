/**
 * The ways into Holdfast, and what an application on each is told: for the last two, nothing.
 *
 *     forward        near agent  -> 127.0.0.1:15000
 *     SOCKS5         near agent  -> 127.0.0.1:1080, and asks for 10.88.0.1:16000
 *     HTTP CONNECT   near agent  -> 127.0.0.1:1080, and asks for 10.88.0.2:16000
 *     redirect       near agent  -> 10.88.0.3:16000
 *     tproxy         guest agent -> 10.88.0.4:16000; the guest is a host behind the near one, which forwards for it
 */
import type { Namespace } from '../lab/namespace.ts'
import type { ProxyPlace } from '../programs/proxy-client.ts'
import { PORT } from './places.ts'

export const CAPTURES = ['redirect', 'tproxy'] as const
/** A sidecar captures its host's own connections or those that it forwards, never both. */
export type Capture = (typeof CAPTURES)[number]
export type Way = 'forward' | 'SOCKS5' | 'HTTP CONNECT' | Capture

/** All ways that one near sidecar can have at once. */
export function waysWith(capture: Capture): readonly Way[] {
  return ['forward', 'SOCKS5', 'HTTP CONNECT', capture]
}

export function isCapture(way: Way): way is Capture {
  return CAPTURES.some(capture => capture === way)
}

/** Where servers listen on the far host, for the applications of each way; all but the first are in FAR_NETWORK. */
export const SERVER: Readonly<Record<Way, string>> = {
  forward: '127.0.0.1',
  SOCKS5: '10.88.0.1',
  'HTTP CONNECT': '10.88.0.2',
  redirect: '10.88.0.3',
  tproxy: '10.88.0.4',
}

export function proxyOf(way: Way): ProxyPlace | undefined {
  return way === 'SOCKS5' || way === 'HTTP CONNECT' ? { kind: way, host: '127.0.0.1', port: PORT.nearProxy } : undefined
}

/** What an agent connects to, and the proxy that it asks for it. */
export function entrance(way: Way): { readonly host: string; readonly port: number; readonly proxy?: ProxyPlace } {
  if (way === 'forward') return { host: '127.0.0.1', port: PORT.nearForward }
  const proxy = proxyOf(way)
  return { host: SERVER[way], port: PORT.farApplication, ...(proxy === undefined ? {} : { proxy }) }
}

/** Connections that the near host's firewall has led to the sidecar until now. */
export async function capturedBy(near: Namespace): Promise<number> {
  const text = await near.run(['nft', 'list', 'counter', 'inet', 'holdfast', 'captured'])
  return Number(/packets (\d+)/.exec(text)?.[1])
}
