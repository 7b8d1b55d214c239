/** What a sidecar runs from: plain values, checked and complete. load.ts makes it from a file, serve and connect from arguments. */
import type { Endpoint, HostPort } from '../base/endpoint.ts'

export interface ListenConfig {
  readonly endpoint: Endpoint
  /** PEM files for wss; absolute paths. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
}

/** An allow rule (base/allow-rule.ts), or one and how what it matches is served. */
export type AllowConfig =
  | string
  | {
      readonly to: string
      readonly proxyProtocol?: 'v1' | 'v2' | undefined
      /** Connections have the address of their client; they are refused where it is in none of `clients`. */
      readonly source?: 'preserve' | undefined
      /** Networks (base/network.ts). */
      readonly clients?: readonly string[] | undefined
    }

export interface PeerConfig {
  readonly name: string
  /** `hf1…` */
  readonly id: string
  readonly endpoints: readonly Endpoint[]
  /** What this peer may reach through us. Empty: nothing. */
  readonly allow: readonly AllowConfig[]
  /** Its key came from a ticket and may be used on several machines: one association each. */
  readonly isTicket?: boolean
  /** Unix milliseconds; after this it begins no new association. */
  readonly expiresAt?: number
}

export interface ForwardConfig {
  readonly listen: HostPort
  readonly peer: string
  readonly to: HostPort
  /** Networks (base/network.ts) whose connections must begin with a PROXY header. Without it nobody's. */
  readonly proxyProtocol?: { readonly from: readonly string[] } | undefined
}

/** What goes to a peer without a forward of its own. */
export interface RouteConfig {
  /** In the form of allow rules (base/allow-rule.ts), one for each range of ports. */
  readonly rules: readonly string[]
  readonly peer: string
  /** Where the peer was never met and nothing at its endpoints is a sidecar. @default hold */
  readonly withoutSidecar?: 'hold' | 'direct'
}

/** A port that speaks SOCKS5 and HTTP CONNECT. */
export interface ProxyConfig {
  readonly listen: HostPort
  /** For what has no route; without it that goes directly. */
  readonly peer?: string | undefined
  /** Programs are told that they are connected before the far side has said so. */
  readonly optimistic: boolean
  readonly auth?: { readonly user: string; readonly password: string } | undefined
}

/** Connections caught by rules of the firewall. Users are names or numbers, cgroups paths below /sys/fs/cgroup. */
export interface CaptureConfig {
  readonly mode: 'redirect' | 'tproxy'
  readonly port: number
  readonly users: readonly (string | number)[]
  readonly cgroups: readonly string[]
  readonly except: { readonly users: readonly (string | number)[]; readonly cgroups: readonly string[] }
  /** Else somebody else applies and removes the rules. */
  readonly applyRules: boolean
}

export interface Config {
  /** PEM file; absolute path. */
  readonly identity: string
  readonly listen: readonly ListenConfig[]
  /** Empty: the listen URLs, wildcards replaced by this host's current addresses. */
  readonly advertise: readonly Endpoint[]
  readonly peers: readonly PeerConfig[]
  readonly forward: readonly ForwardConfig[]
  readonly routes: readonly RouteConfig[]
  readonly proxy: readonly ProxyConfig[]
  readonly capture?: CaptureConfig
  /** Whether packets of lost carriers are dropped. Without it, they are not. */
  readonly firewall?: { readonly suspend: boolean }
  readonly holdMs: number
  readonly admin: { readonly socket: string | undefined }
  /** PEM file of the authorities trusted when dialing wss; Node's own without it. */
  readonly ca: string | undefined
}
