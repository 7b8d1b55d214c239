/** The commands: words, options and examples. What they do is in commands/, loaded when it is called. */
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { atHome } from '../config/home.ts'
import { VERSION } from '../sidecar/version.ts'
import { LOG_FORMATS, LOG_LEVELS } from './log.ts'
import { SHELLS } from './shells.ts'

export function buildProgram(): Command {
  const program = new Command('holdfast')
    .description('TCP connections that survive when their host changes address')
    .version(VERSION)
    .exitOverride()
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .configureOutput(faultsOf('holdfast'))
    .addHelpText('after', '\nExample:\n  $ holdfast demo\n\nEach command explains itself: holdfast COMMAND --help')
  addSetup(program)
  addUp(program)
  addTickets(program)
  addQuestions(program)
  addProxy(program)
  addFirewall(program)
  addDemo(program)
  for (const one of program.commands) refuseRepeated(one)
  return program
}

function addSetup(program: Command): void {
  command(program, 'init', 'make an identity and a commented configuration', 'holdfast init --dir ~/holdfast')
    .option('--dir <dir>', 'where to write identity.pem and holdfast.yaml', '.')
    .action(async options => (await import('./commands/init.ts')).init(atHome(options.dir)))
  command(program, 'id', 'print the peer ID of an identity', 'holdfast id --dir ~/holdfast')
    .option('--dir <dir>', 'where identity.pem is', '.')
    .action(async options => (await import('./commands/init.ts')).printId(atHome(options.dir)))
}

function addUp(program: Command): void {
  const example = 'holdfast up --config /etc/holdfast/holdfast.yaml'
  withLog(command(program, 'up', 'run the sidecar in the foreground, until SIGTERM, SIGINT or SIGHUP', example))
    .option('--config <file>', 'configuration (default: ./holdfast.yaml, then the user’s configuration directory)')
    .option('--check', 'only check the configuration and the files it names')
    .action(async options => (await import('./commands/up.ts')).up(options))
}

function addTickets(program: Command): void {
  const serve = 'holdfast serve 127.0.0.1:5432'
  withLog(command(program, 'serve', 'share services without a configuration, and print a ticket', serve))
    .argument('<host:port...>', 'services that the holder of the ticket may reach')
    .option('--listen <url>', 'where to listen', 'tcp://[::]:0')
    .option(
      '--advertise <url>',
      'endpoint to write into the ticket, once for each (default: this host’s addresses)',
      gathered,
    )
    .option('--expires <duration>', 'how long the ticket can be used to begin, such as 15m or 24h', '24h')
    .action(async (services, options) => (await import('./commands/serve.ts')).serve(services, options))
  const connect = 'holdfast connect hft1… 127.0.0.1:15432'
  withLog(command(program, 'connect', 'open the services of a ticket on local ports', connect))
    .argument('<ticket>', 'what `holdfast serve` printed, or - to read it from standard input')
    .argument('[local:port]', 'where to listen; several services take the ports after it (default: their own, if free)')
    .option('--socks [local:port]', 'open a proxy as well, SOCKS5 and HTTP CONNECT (default: 127.0.0.1:1080, if free)')
    .option('--capture', 'lead connections to the services’ own addresses to them as well; on Linux, as root')
    .action(async (ticket, local, options) => (await import('./commands/connect.ts')).connect(ticket, local, options))
}

function addQuestions(program: Command): void {
  withSocket(command(program, 'status', 'show peers, paths, sessions and migrations', 'holdfast status --watch'))
    .option('--json', 'print the report as JSON')
    .option('--watch', 'show it again every second')
    .action(async options => (await import('./commands/status.ts')).status(options))
  const migrate = 'holdfast migrate --peer office'
  withSocket(command(program, 'migrate', 'move to a fresh path now, while the old one still works', migrate))
    .option('--peer <name>', 'one peer only')
    .action(async options => (await import('./commands/migrate.ts')).migrate(options))
}

function addProxy(program: Command): void {
  const env = 'eval "$(holdfast proxy-env)"'
  withSocket(command(program, 'proxy-env', 'print the settings that make programs use the proxy', env))
    .addOption(new Option('--shell <shell>', 'whose words to use').choices(SHELLS).default('posix'))
    .action(async options => (await import('./commands/proxy-env.ts')).proxyEnv(options))
  const run = 'holdfast run -- curl https://db.internal/'
  withSocket(command(program, 'run', 'run a command that uses the proxy', run))
    .argument('<command...>', 'the command and its arguments; it is found and run without a shell')
    .passThroughOptions()
    .action(async (words, options) => (await import('./commands/run.ts')).run(words, options))
  const pipe = "ssh -o ProxyCommand='holdfast pipe %h %p' alice@db.internal"
  command(program, 'pipe', 'connect standard input and output through the proxy, for ssh', pipe)
    .argument('<host>', 'destination, as the other side sees it')
    .argument('<port>', 'its port')
    .option('--proxy <url>', 'host:port or http://user:password@host:port (default: $HTTPS_PROXY)')
    .action(async (host, port, options) => (await import('./commands/pipe.ts')).pipe(host, port, options))
}

function addFirewall(program: Command): void {
  const about = 'show, apply or remove the rules of captures and clients’ addresses, and of suspensions (Linux)'
  command(program, 'firewall', about, 'holdfast firewall show --planned')
    .addArgument(new Argument('<action>', 'what to do with them').choices(['show', 'apply', 'remove']))
    .option('--config <file>', 'configuration with `capture` or `source: preserve`')
    .option('--planned', 'show what would be applied, and touch nothing')
    .action(async (action, options) => (await import('./commands/firewall.ts')).firewall(action, options))
}

function addDemo(program: Command): void {
  const example = 'holdfast demo --mode loopback'
  const modes = new Option('--mode <mode>', 'real interfaces in a user namespace, or loopback addresses')
  command(program, 'demo', 'show a download that survives address changes, on this machine', example)
    .addOption(modes.choices(['auto', 'namespace', 'loopback']).default('auto'))
    .option('--seconds <n>', 'about how long (10-35)', seconds, 20)
    .option('--record <file>', 'write what was measured, as JSON')
    .action(async options => (await import('./demo/demo.ts')).runDemo(options))
}

function command(program: Command, name: string, about: string, example: string): Command {
  return program
    .command(name)
    .description(about)
    .configureOutput(faultsOf(`holdfast ${name}`))
    .addHelpText('after', `\nExample:\n  $ ${example}`)
}

/** Commander takes the last of several, and nobody would know that the others went unheard. */
function refuseRepeated(one: Command): void {
  for (const option of one.options.filter(({ required, parseArg }) => required && parseArg !== gathered)) {
    let count = 0
    one.on(`option:${option.name()}`, () => {
      if (++count > 1) one.error(`error: option '${option.long}' is there twice; leave one`)
    })
  }
}

/** For an option that may be there several times. */
function gathered(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

/** A fault of the command line is one line, in the form of all others. */
function faultsOf(words: string) {
  return {
    outputError: (text: string, write: (text: string) => void) => {
      const fault = text
        .trim()
        .replace(/^error: |\.$/g, '')
        .replaceAll('\n', ' ')
      write(`holdfast: ${fault}; see \`${words} --help\` (USAGE)\n`)
    },
  }
}

function withLog(one: Command): Command {
  return one
    .addOption(new Option('--log-level <level>', 'least level shown').choices(LOG_LEVELS).default('info'))
    .addOption(new Option('--log-format <format>', 'how log lines look').choices(LOG_FORMATS).default('text'))
}

function withSocket(one: Command): Command {
  return one
    .option('--config <file>', 'configuration of the running sidecar')
    .option('--socket <path>', 'its admin socket, instead of a configuration')
}

function seconds(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 10 && value <= 35) return value
  throw new InvalidArgumentError('Write a whole number from 10 to 35')
}
