/**
 * Messages of NETLINK_ROUTE (rtnetlink(7), linux/rtnetlink.h), as far as they tell about addresses, links and routes.
 * Little-endian: other machines are polled (platform/netlink.ts).
 *
 *     datagram    message*                      each padded to 4 bytes
 *     message     length 4, type 2, flags 2, sequence 4, port 4, body
 *     NEWLINK     family 1, 0, device type 2, index 4, flags 4, change 4, attribute*
 *     NEWADDR     family 1, prefix 1, flags 1, scope 1, index 4, attribute*
 *     NEWROUTE    family 1, prefix 1, source prefix 1, tos 1, table 1, protocol 1, scope 1, type 1, flags 4, attribute*
 *     attribute   length 2, type 2, value                     each padded to 4 bytes
 *
 * The reader believes no length: what is cut short or nonsense is skipped, and never read beyond.
 */

/** RTMGRP_*: what to subscribe to. */
export const ROUTE_GROUPS = 0x1 /* link */ | 0x10 /* ipv4 address */ | 0x40 /* ipv4 route */ | 0x100 | 0x400 /* ipv6 */

/** IFF_*. */
export const LINK_UP = 0x1
export const LINK_RUNNING = 0x40
export const LINK_LOWER_UP = 0x1_0000

/** IFA_F_*. */
export const ADDRESS_TEMPORARY = 0x1
export const ADDRESS_OPTIMISTIC = 0x4
export const ADDRESS_DAD_FAILED = 0x8
export const ADDRESS_DEPRECATED = 0x20
export const ADDRESS_TENTATIVE = 0x40

export type Family = 4 | 6

export interface LinkMessage {
  readonly type: 'link'
  readonly isGone: boolean
  readonly index: number
  readonly flags: number
  readonly name: string
}

export interface AddressMessage {
  readonly type: 'address'
  readonly isGone: boolean
  readonly index: number
  readonly family: Family
  /** As Node writes it. */
  readonly address: string
  /** The other end, or the address itself, and the length of its prefix: one IPv4 address may be on a link with several. */
  readonly prefix: string
  readonly flags: number
}

export interface RouteMessage {
  readonly type: 'route'
  readonly family: Family
  /** RT_TABLE_*; 255 is the table of the host's own addresses. */
  readonly table: number
  readonly prefixBits: number
  /** '' for the default route. */
  readonly destination: string
  /** A copy that the kernel made for one destination. */
  readonly isClone: boolean
}

/** `done`: the answer to a request is complete. `failed`: the kernel refused it, or it changed while it was told. */
export type NetlinkMessage = LinkMessage | AddressMessage | RouteMessage | { readonly type: 'done' | 'failed' }

const HEADER_BYTES = 16
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const NLMSG_OVERRUN = 4
const RTM_NEWLINK = 16
const RTM_DELLINK = 17
const RTM_GETLINK = 18
const RTM_NEWADDR = 20
const RTM_DELADDR = 21
const RTM_GETADDR = 22
const RTM_NEWROUTE = 24
const RTM_DELROUTE = 25
const NLM_F_REQUEST_DUMP = 0x301
const NLM_F_DUMP_INTR = 0x10

const LINK_BODY_BYTES = 16
const ADDRESS_BODY_BYTES = 8
const ROUTE_BODY_BYTES = 12
const IFLA_IFNAME = 3
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_FLAGS = 8
const RTA_DST = 1
const RTA_TABLE = 15
const RTM_F_CLONED = 0x200
/** The two highest bits of an attribute's type are flags. */
const ATTRIBUTE_TYPE_MASK = 0x3fff

const FAMILIES: Partial<Record<number, Family>> = { 2: 4, 10: 6 }
const ADDRESS_BYTES: Record<Family, number> = { 4: 4, 6: 16 }

/** Requests for everything: links first, since addresses refer to them. */
export const DUMP_REQUESTS: readonly Uint8Array[] = [dumpRequest(RTM_GETLINK), dumpRequest(RTM_GETADDR)]

/** Reads one datagram. Unknown and damaged messages are left out. */
export function parseNetlink(datagram: Uint8Array): NetlinkMessage[] {
  const messages: NetlinkMessage[] = []
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength)
  for (let at = 0; at + HEADER_BYTES <= view.byteLength; ) {
    const bytes = view.getUint32(at, true)
    if (bytes < HEADER_BYTES || at + bytes > view.byteLength) break
    const body = new DataView(view.buffer, view.byteOffset + at + HEADER_BYTES, bytes - HEADER_BYTES)
    if ((view.getUint16(at + 6, true) & NLM_F_DUMP_INTR) !== 0) messages.push({ type: 'failed' })
    const message = parseMessage(view.getUint16(at + 4, true), body)
    if (message !== undefined) messages.push(message)
    at += align(bytes)
  }
  return messages
}

function parseMessage(type: number, body: DataView): NetlinkMessage | undefined {
  switch (type) {
    case NLMSG_DONE:
      return { type: 'done' }
    case NLMSG_ERROR:
    case NLMSG_OVERRUN:
      return { type: 'failed' }
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return parseLink(type === RTM_DELLINK, body)
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return parseAddress(type === RTM_DELADDR, body)
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return parseRoute(body)
    default:
      return undefined
  }
}

function parseLink(isGone: boolean, body: DataView): LinkMessage | undefined {
  // Other families tell about a bridge's port or one protocol's settings: the link itself is not gone with them.
  if (body.byteLength < LINK_BODY_BYTES || body.getUint8(0) !== 0) return undefined
  const name = attributes(body, LINK_BODY_BYTES).get(IFLA_IFNAME)
  return {
    type: 'link',
    isGone,
    index: body.getInt32(4, true),
    flags: body.getUint32(8, true),
    name: name === undefined ? '' : text(name),
  }
}

function parseAddress(isGone: boolean, body: DataView): AddressMessage | undefined {
  if (body.byteLength < ADDRESS_BODY_BYTES) return undefined
  const family = FAMILIES[body.getUint8(0)]
  const found = attributes(body, ADDRESS_BODY_BYTES)
  // On a point-to-point link IFA_ADDRESS is the other end.
  const end = found.get(IFA_ADDRESS)
  const value = found.get(IFA_LOCAL) ?? end
  if (family === undefined || value?.byteLength !== ADDRESS_BYTES[family]) return undefined
  return {
    type: 'address',
    isGone,
    index: body.getUint32(4, true),
    family,
    address: formatAddress(value),
    prefix: `${formatAddress(end?.byteLength === value.byteLength ? end : value)}/${body.getUint8(1)}`,
    flags: uint32(found.get(IFA_FLAGS)) ?? body.getUint8(2),
  }
}

function parseRoute(body: DataView): RouteMessage | undefined {
  if (body.byteLength < ROUTE_BODY_BYTES) return undefined
  const family = FAMILIES[body.getUint8(0)]
  if (family === undefined) return undefined
  const found = attributes(body, ROUTE_BODY_BYTES)
  const destination = found.get(RTA_DST)
  if (destination !== undefined && destination.byteLength !== ADDRESS_BYTES[family]) return undefined
  return {
    type: 'route',
    family,
    table: uint32(found.get(RTA_TABLE)) ?? body.getUint8(4),
    prefixBits: body.getUint8(1),
    destination: destination === undefined ? '' : formatAddress(destination),
    isClone: (body.getUint32(8, true) & RTM_F_CLONED) !== 0,
  }
}

function attributes(body: DataView, from: number): Map<number, DataView> {
  const found = new Map<number, DataView>()
  for (let at = from; at + 4 <= body.byteLength; ) {
    const bytes = body.getUint16(at, true)
    if (bytes < 4 || at + bytes > body.byteLength) break
    const type = body.getUint16(at + 2, true) & ATTRIBUTE_TYPE_MASK
    found.set(type, new DataView(body.buffer, body.byteOffset + at + 4, bytes - 4))
    at += align(bytes)
  }
  return found
}

function align(bytes: number): number {
  return (bytes + 3) & ~3
}

function uint32(value: DataView | undefined): number | undefined {
  return value?.byteLength === 4 ? value.getUint32(0, true) : undefined
}

/** ASCII up to the terminating zero. */
function text(value: DataView): string {
  let name = ''
  for (let at = 0; at < value.byteLength && value.getUint8(at) !== 0; at++) {
    name += String.fromCharCode(value.getUint8(at))
  }
  return name
}

function formatAddress(value: DataView): string {
  return value.byteLength === 4 ? Array.from({ length: 4 }, (_, at) => value.getUint8(at)).join('.') : formatV6(value)
}

/** RFC 5952: lower case, and the first of the longest runs of at least two zeros becomes `::`. */
function formatV6(value: DataView): string {
  const groups = Array.from({ length: 8 }, (_, at) => value.getUint16(at * 2).toString(16))
  let from = 0
  let length = 1
  for (let at = 0; at < groups.length; at++) {
    let end = at
    while (groups[end] === '0') end++
    if (end - at > length) [from, length] = [at, end - at]
  }
  if (length === 1) return groups.join(':')
  return `${groups.slice(0, from).join(':')}::${groups.slice(from + length).join(':')}`
}

/** Header, and a body of the longest kind that says nothing: any family. */
function dumpRequest(type: number): Uint8Array {
  const request = new Uint8Array(HEADER_BYTES + LINK_BODY_BYTES)
  const view = new DataView(request.buffer)
  view.setUint32(0, request.length, true)
  view.setUint16(4, type, true)
  view.setUint16(6, NLM_F_REQUEST_DUMP, true)
  return request
}
