import { OperatorError } from '../../base/errors.ts'
import { isLinux } from '../../platform/system.ts'
import { findConfig } from '../find-config.ts'

export interface FirewallOptions {
  readonly config?: string
  readonly planned?: boolean
}

export type FirewallAction = 'show' | 'apply' | 'remove'

/** @throws OperatorError CAPTURE_UNAVAILABLE, SOURCE_UNAVAILABLE, USAGE where this is not Linux, and what reading a configuration throws */
export async function firewall(action: FirewallAction, { config, planned }: FirewallOptions): Promise<void> {
  if (!isLinux()) {
    throw new OperatorError('USAGE', 'Holdfast has rules in the firewall of Linux only: there are none here to see to')
  }
  // Also where it is not needed: who names a file means one that is there.
  if (config !== undefined) findConfig(config)
  const { applyClients, applyFirewall, describeClients, describeFirewall, removeAll, showFirewall } = await import(
    '../../firewall/firewall.ts'
  )
  if (action === 'remove') return removeAll()
  if (action === 'show' && planned !== true) {
    process.stdout.write(showFirewall() || 'no rules of Holdfast are applied\n')
    return
  }
  const { loadConfig } = await import('../../config/load.ts')
  const { capturePlan } = await import('../../sidecar/capturing.ts')
  const { clientNetworks } = await import('../../sidecar/preserving.ts')
  const { suspensionTable } = await import('../../firewall/suspension.ts')
  const settings = loadConfig(findConfig(config))
  // Without a sidecar that fills it, the table of suspensions does nothing: it is the sidecar's to apply.
  const suspension = action === 'show' && settings.firewall?.suspend === true ? suspensionTable() : ''
  const networks = clientNetworks(settings)
  const isCaptureAsked = settings.capture !== undefined || networks.length + suspension.length === 0
  // Before anything is applied: a plan with a fault changes nothing.
  const plan = isCaptureAsked ? capturePlan(settings) : undefined
  if (action === 'apply') {
    if (networks.length > 0) applyClients(networks)
    if (plan !== undefined) applyFirewall(plan)
    return
  }
  const capture = plan === undefined ? '' : describeFirewall(plan)
  process.stdout.write(capture + (networks.length === 0 ? '' : describeClients(networks)) + suspension)
}
