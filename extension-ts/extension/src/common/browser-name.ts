/** In the order asked: Edge and Opera call themselves Chrome too, and all but Firefox Safari. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
    [/\bEdgA?\//, 'Edge'], [/\bOPR\//, 'Opera'], [/\bFirefox\//, 'Firefox'], [/\b(Headless)?Chrom(e|ium)\//, 'Chrome'], [/\bSafari\//, 'Safari']
];

/** Android calls itself Linux too, and an iPad or iPhone something “like Mac OS X”. */
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
    [/\bAndroid\b/, 'Android'], [/\biPhone\b/, 'iPhone'], [/\biPad\b/, 'iPad'], [/\bWindows\b/, 'Windows'], [/\bMac OS X\b/, 'macOS'], [/\bCrOS\b/, 'ChromeOS'], [/\bLinux\b/, 'Linux']
];

/** What a browser and its device are called, of what it says as `User-Agent`; of others their own first word. */
export function browserName(agent: string): { readonly browser: string, readonly system?: string } {
    const find = (table: typeof BROWSERS): string | undefined => table.find(([pattern]) => pattern.test(agent))?.[1];
    return { browser: find(BROWSERS) ?? agent.split(/[\s/]/, 1)[0], system: find(SYSTEMS) };
}
