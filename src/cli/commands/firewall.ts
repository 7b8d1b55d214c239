import { OperatorError } from '../../base/errors.ts'
import { isLinux } from '../../platform/system.ts'
import { findConfig } from '../find-config.ts'

export interface FirewallOptions {
  readonly config?: string
  readonly planned?: boolean
}

export type FirewallAction = 'show' | 'apply' | 'remove'

/** @throws OperatorError CAPTURE_UNAVAILABLE, USAGE where this is not Linux, and what reading a configuration throws */
export async function firewall(action: FirewallAction, { config, planned }: FirewallOptions): Promise<void> {
  if (!isLinux()) {
    throw new OperatorError('USAGE', 'Holdfast has rules in the firewall of Linux only: there are none here to see to')
  }
  // Also where it is not needed: who names a file means one that is there.
  if (config !== undefined) findConfig(config)
  const { applyFirewall, describeFirewall, removeAll, showFirewall } = await import('../../firewall/firewall.ts')
  if (action === 'remove') return removeAll()
  if (action === 'show' && planned !== true) {
    process.stdout.write(showFirewall() || 'no rules of Holdfast are applied\n')
    return
  }
  const { loadConfig } = await import('../../config/load.ts')
  const { capturePlan } = await import('../../sidecar/capturing.ts')
  const { suspensionTable } = await import('../../firewall/suspension.ts')
  const settings = loadConfig(findConfig(config))
  const suspension = settings.firewall?.suspend === true ? suspensionTable() : ''
  if (action === 'apply') return applyFirewall(capturePlan(settings))
  const isSuspensionAlone = suspension !== '' && settings.capture === undefined
  process.stdout.write((isSuspensionAlone ? '' : describeFirewall(capturePlan(settings))) + suspension)
}
