/** What needs no quotes in a shell. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** A word as a POSIX shell reads it back. */
export function quote(word: string): string {
    return PLAIN.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`;
}

/** A program and its arguments as a line for a POSIX shell. */
export function commandLine(command: string, args: readonly string[]): string {
    return [command, ...args].map(quote).join(' ');
}
