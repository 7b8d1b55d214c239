#!/usr/bin/env node
/**
 * The command line. Each command is one file, loaded when it is called. Exit codes: 0 done, 1 failed while running, 2 the
 * command line, a configuration or a file is at fault (one clear sentence says which).
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { type Code } from '../base/codes.ts'
import { OperatorError } from '../base/errors.ts'
import { VERSION } from '../sidecar/version.ts'
import { LOG_FORMATS, LOG_LEVELS } from './log.ts'

/** Faults of what a person wrote, rather than of the moment. */
const USAGE_CODES: ReadonlySet<Code> = new Set([
  'CONFIG_INVALID',
  'CONFIG_MISSING',
  'FILE_EXISTS',
  'FILE_UNREADABLE',
  'IDENTITY_EXPOSED',
  'IDENTITY_INVALID',
  'TICKET_INVALID',
  'TICKET_EXPIRED',
  'USAGE',
])

function build(): Command {
  const program = new Command('holdfast')
    .description('TCP connections that survive when their host changes address')
    .version(VERSION)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'holdfast: ')) })
    .addHelpText('after', '\nExample:\n  $ holdfast demo\n\nEach command explains itself: holdfast COMMAND --help')
  const command = (usage: string, about: string, example: string) =>
    program.command(usage).description(about).exitOverride().addHelpText('after', `\nExample:\n  $ ${example}`)
  const logging = (one: Command) =>
    one
      .addOption(new Option('--log-level <level>', 'least level shown').choices(LOG_LEVELS).default('info'))
      .addOption(new Option('--log-format <format>', 'how log lines look').choices(LOG_FORMATS).default('text'))
  const running = (one: Command) =>
    one
      .option('--config <file>', 'configuration of the running sidecar')
      .option('--socket <path>', 'its admin socket, instead of a configuration')

  command('init', 'make an identity and a commented configuration', 'holdfast init --dir ~/holdfast')
    .option('--dir <dir>', 'where to write identity.pem and holdfast.yaml', '.')
    .action(async options => (await import('./commands/init.ts')).init(options.dir))
  command('id', 'print the peer ID of an identity', 'holdfast id --dir ~/holdfast')
    .option('--dir <dir>', 'where identity.pem is', '.')
    .action(async options => (await import('./commands/init.ts')).printId(options.dir))
  logging(command('up', 'run the sidecar in the foreground', 'holdfast up --config /etc/holdfast/holdfast.yaml'))
    .option('--config <file>', 'configuration (default: ./holdfast.yaml, then the user’s configuration directory)')
    .option('--check', 'only check the configuration')
    .action(async options => (await import('./commands/up.ts')).up(options))
  logging(command('serve', 'share local services and print a ticket', 'holdfast serve 127.0.0.1:5432'))
    .argument('<host:port...>', 'services that the holder of the ticket may reach')
    .option('--listen <url>', 'where to listen', 'tcp://[::]:0')
    .option('--advertise <url...>', 'endpoints to write into the ticket (default: this host’s addresses)')
    .option('--expires <duration>', 'the ticket begins no new connection after this', '24h')
    .action(async (services, options) => (await import('./commands/serve.ts')).serve(services, options))
  logging(command('connect', 'open the services of a ticket on local ports', 'holdfast connect hft1… 127.0.0.1:15432'))
    .argument('<ticket>', 'what `holdfast serve` printed, or - to read it from standard input')
    .argument('[local:port]', 'where to listen (default: 127.0.0.1 and the service’s own port, or a free one)')
    .action(async (ticket, local, options) => (await import('./commands/connect.ts')).connect(ticket, local, options))
  running(command('status', 'show peers, paths, sessions and migrations', 'holdfast status --json'))
    .option('--json', 'print the report as JSON')
    .action(async options => (await import('./commands/status.ts')).status(options))
  running(command('migrate', 'move to a fresh path now, while the old one works', 'holdfast migrate --peer office'))
    .option('--peer <name>', 'one peer only')
    .action(async options => (await import('./commands/migrate.ts')).migrate(options))
  command('demo', 'show a download that survives address changes, on this machine', 'holdfast demo --mode loopback')
    .addOption(new Option('--mode <mode>', 'real interfaces in a user namespace, or loopback').choices(['auto', 'namespace', 'loopback']).default('auto'))
    .option('--seconds <n>', 'about how long (10-35)', seconds, 20)
    .action(async options => (await import('./demo/demo.ts')).runDemo(options))
  return program
}

function seconds(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 10 && value <= 35) return value
  throw new InvalidArgumentError('write a whole number from 10 to 35.')
}

async function main(): Promise<number> {
  try {
    await build().parseAsync()
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (!(error instanceof OperatorError)) throw error
    process.stderr.write(`holdfast: ${error.message}\n`)
    return USAGE_CODES.has(error.code) ? 2 : 1
  }
}

// Commands have closed what they opened; what a library still holds (a name lookup, say) must not keep the process.
process.exitCode = await main()
if (process.stdout.writableLength === 0) process.exit()
else process.stdout.once('drain', () => process.exit())
