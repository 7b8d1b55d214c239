import { networkInterfaces } from 'node:os'

export interface AddressChange {
  readonly gone: readonly string[]
  readonly added: readonly string[]
  /** Any link or route event, or an address that came back the same. */
  readonly isLinkEvent: boolean
}

export interface AddressWatchHandlers {
  onChange(change: AddressChange): void
  onWake(sleptMs: number): void
}

export interface AddressWatch {
  readonly source: 'netlink' | 'poll'
  addresses(): readonly string[]
  stop(): Promise<void>
}

export async function watchAddresses(handlers: AddressWatchHandlers): Promise<AddressWatch> {
  let current = snapshot()
  const timer = setInterval(() => {
    const next = snapshot()
    const gone = current.filter(address => !next.includes(address))
    const added = next.filter(address => !current.includes(address))
    current = next
    if (gone.length + added.length > 0) handlers.onChange({ gone, added, isLinkEvent: false })
  }, 1_000)
  timer.unref()
  return { source: 'poll', addresses: () => current, stop: async () => clearInterval(timer) }
}

function snapshot(): string[] {
  return Object.values(networkInterfaces())
    .flatMap(list => list ?? [])
    .map(({ address }) => address)
    .filter(address => address !== '127.0.0.1' && address !== '::1' && !address.startsWith('fe80'))
}
