/** What a configuration asks that only Linux has: told with its other faults, before anything is started. */
import { type Report, valueAt } from '../config/issues.ts'
import { isLinux } from '../platform/system.ts'

/** @param value a configuration as it was written, which may have any other fault */
export function reportLinuxOnly(value: unknown, report: Report): void {
  if (isLinux()) return
  if (valueAt(value, ['capture']) !== undefined) {
    report(['capture'], 'connections can be captured on Linux only; leave it out, and use a forward or a proxy')
  }
  if (valueAt(value, ['firewall', 'suspend']) === true) {
    report(['firewall', 'suspend'], 'packets of lost carriers can be dropped on Linux only; leave it out')
  }
}
