/** What the lab needs of this machine. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Scenario } from './scenarios/scenario.ts'

/** Each program with the Debian package that has it. */
const PROGRAMS = { ip: 'iproute2', ss: 'iproute2', nft: 'nftables', conntrack: 'conntrack' }

/** @returns one sentence that says what is missing, or undefined */
export function whatIsMissing(scenarios: readonly Scenario[]): string | undefined {
  if (process.platform !== 'linux') return 'The end-to-end lab needs Linux: it is made of network namespaces.'
  if (process.getuid?.() !== 0) return 'The end-to-end lab needs root: it makes network namespaces and TUN devices.'
  const all = Object.entries(
    Object.assign({}, PROGRAMS, ...scenarios.map(({ programs }) => programs)) as typeof PROGRAMS,
  )
  const missing = all.filter(([program]) => !isInstalled(program))
  if (missing.length > 0) {
    const [programs, packages] = [0, 1].map(part => [...new Set(missing.map(entry => entry[part]))])
    return `The end-to-end lab needs ${programs?.join(', ')}: install the package ${packages?.join(', ')}.`
  }
  if (!existsSync('/dev/net/tun')) return 'The end-to-end lab needs /dev/net/tun: load the kernel module tun.'
  return undefined
}

function isInstalled(program: string): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.some(folder => folder !== '' && existsSync(join(folder, program)))
}
