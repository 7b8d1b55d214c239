/**
 * Proxy auto-configuration: a script that browsers ask for each URL. What a route holds goes to the proxy, and so does
 * everything else where the proxy has a peer of its own; the rest goes where it would go without it.
 *
 * It is written for the oldest that still run it (ES5). SOCKS5 is named first: names are looked up on the far side with both,
 * but only it carries http:// URLs. No browser logs in to SOCKS5, so a proxy with a password is named as an HTTP one alone.
 */
import { type AllowRule, parseAllowRule } from '../base/allow-rule.ts'

export interface PacOptions {
  /** What has a route, as allow rules (base/allow-rule.ts). */
  readonly rules: readonly string[]
  /** Whether the proxy has a peer for what has no route. */
  readonly isEverything: boolean
  readonly hasPassword: boolean
}

/** @param place host:port of the proxy, as the browser reaches it */
export function proxyAutoConfig({ rules, isEverything, hasPassword }: PacOptions, place: string): string {
  const rows = rules
    .map(parseAllowRule)
    .filter(rule => typeof rule !== 'string')
    // For a network the browser looks the name up, on this side: what a name decides is decided before.
    .sort((a, b) => Number(a.kind === 'network') - Number(b.kind === 'network'))
    .map(rowOf)
  const proxy = hasPassword ? `PROXY ${place}` : `SOCKS5 ${place}; PROXY ${place}`
  return `// Holdfast: what is reached through its proxy, and what is not.
var proxy = ${JSON.stringify(proxy)};
var rules = [
${rows.map(row => `  ${JSON.stringify(row)}`).join(',\n')}
];

function FindProxyForURL(url, host) {
  var parts = /^(\\w+):\\/\\/(?:[^\\/?#]*@)?(?:\\[[^\\]]*\\]|[^\\/?#:]*)(?::(\\d+))?/.exec(url) || [];
  var port = Number(parts[2] || { http: 80, ws: 80, https: 443, wss: 443, ftp: 21 }[parts[1]] || 0);
  host = host.toLowerCase().replace(/^\\[|\\]$|\\.$/g, "");
  var isHere = host === "localhost" || host === "::1" || /^127\\.\\d+\\.\\d+\\.\\d+$/.test(host);
  if (${isEverything} && !isHere) return proxy;
  for (var i = 0; i < rules.length; i++) {
    if (port >= rules[i][2] && port <= rules[i][3] && holds(rules[i][0], rules[i][1], host)) return proxy;
  }
  return "DIRECT";
}

function holds(kind, value, host) {
  if (kind === "name") return host === value;
  if (kind === "suffix") return host.length > value.length && host.slice(-value.length) === value;
  if (kind === "ipv4") return host.indexOf(":") < 0 && isInNet(host, value[0], value[1]);
  // Where IPv6 networks are not known, an IPv6 address goes to the proxy, which knows them.
  return typeof isInNetEx === "function" ? isInNetEx(host, value) : host.indexOf(":") >= 0;
}`
}

function rowOf(rule: AllowRule): readonly unknown[] {
  const { first, last } = rule.ports
  if (rule.kind === 'name') return ['name', rule.name, first, last]
  if (rule.kind === 'suffix') return ['suffix', rule.suffix, first, last]
  const { address, prefixBits } = rule
  return rule.family === 4
    ? ['ipv4', [address, mask(prefixBits)], first, last]
    : ['ipv6', `${address}/${prefixBits}`, first, last]
}

function mask(bits: number): string {
  return [0, 8, 16, 24].map(at => 256 - 2 ** (8 - Math.min(8, Math.max(0, bits - at)))).join('.')
}
