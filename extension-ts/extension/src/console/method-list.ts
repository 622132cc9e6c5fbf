import { Emitter, Event } from '@theia/core/lib/common/event';
import { element } from './dom';
import { Api } from './syntax/api';

export type Chosen = { readonly kind: 'method' | 'notification' | 'error', readonly name: string };

interface Item {
    readonly chosen: Chosen;
    readonly summary: string;
    readonly node: HTMLButtonElement;
}

interface Group {
    readonly node: HTMLDetailsElement;
    readonly count: HTMLElement;
    readonly items: readonly Item[];
    readonly open: boolean;
}

/** What the server knows, by namespace, with a filter. */
export class MethodList {

    readonly node: HTMLElement;

    protected readonly onDidChooseEmitter = new Emitter<Chosen>();
    readonly onDidChoose: Event<Chosen> = this.onDidChooseEmitter.event;

    protected readonly filter = element('input', {
        type: 'search', placeholder: 'Filter', 'aria-label': 'Filter methods, notifications and errors', 'aria-keyshortcuts': '/',
        oninput: () => this.applyFilter(),
        onkeydown: (event: KeyboardEvent) => this.leaveFilter(event)
    });
    protected readonly nothing = element('p', { class: 'empty', role: 'status' });
    protected readonly groups: Group[] = [];

    constructor(api: Api) {
        const namespaces = new Map<string, string[]>();
        for (const name of api.methods.keys()) {
            const [namespace] = name.split('.');
            namespaces.set(namespace, [...namespaces.get(namespace) ?? [], name]);
        }
        for (const [namespace, names] of namespaces) {
            this.addGroup(namespace, names.map(name => this.item({ kind: 'method', name }, api.methods.get(name)!.summary)), true);
        }
        this.addGroup('Notifications', [...api.notifications.values()].map(({ name, summary }) => this.item({ kind: 'notification', name }, summary)), false);
        this.addGroup('Errors', [...api.errors].map(([name, { message }]) => this.item({ kind: 'error', name }, message)), false);
        const list = element('div', { class: 'groups', onkeydown: (event: KeyboardEvent) => this.moveFocus(event) }, ...this.groups.map(({ node }) => node));
        this.node = element('nav', { class: 'methods', 'aria-label': 'Methods, notifications and errors' },
            element('div', { class: 'filter' }, this.filter), this.nothing, list);
        this.applyFilter();
    }

    focusFilter(): void {
        this.filter.focus();
        this.filter.select();
    }

    /** Marks it as what is shown, without telling so. */
    mark(chosen: Chosen): void {
        for (const item of this.groups.flatMap(({ items }) => items)) {
            const current = item.chosen.kind === chosen.kind && item.chosen.name === chosen.name;
            if (current && item.node.getAttribute('aria-current') !== 'true') {
                const group = item.node.closest('details');
                if (group) {
                    group.open = true;
                }
                item.node.setAttribute('aria-current', 'true');
                item.node.scrollIntoView({ block: 'nearest' });
            } else if (!current) {
                item.node.removeAttribute('aria-current');
            }
        }
    }

    protected item(chosen: Chosen, summary = ''): Item {
        const { name, kind } = chosen;
        const dot = kind === 'method' ? name.indexOf('.') + 1 : 0;
        const label = dot ? [element('span', { class: 'namespace' }, name.slice(0, dot)), name.slice(dot)] : [name];
        const node = element('button', { type: 'button', title: summary, onclick: () => this.onDidChooseEmitter.fire(chosen) }, ...label);
        return { chosen, summary, node };
    }

    protected addGroup(title: string, items: readonly Item[], open: boolean): void {
        const count = element('span', { class: 'count' });
        const node = element('details', { open }, element('summary', {}, title, count),
            element('ul', {}, ...items.map(item => element('li', {}, item.node))));
        this.groups.push({ node, count, items, open });
    }

    protected applyFilter(): void {
        const wanted = this.filter.value.trim().toLowerCase();
        let found = 0;
        for (const { node, count, items, open } of this.groups) {
            let here = 0;
            for (const { chosen, summary, node: button } of items) {
                const matches = !wanted || chosen.name.toLowerCase().includes(wanted) || summary.toLowerCase().includes(wanted);
                button.parentElement!.hidden = !matches;
                here += Number(matches);
            }
            count.textContent = String(here);
            node.hidden = !here;
            node.open = wanted ? true : open || items.some(({ node: button }) => button.hasAttribute('aria-current'));
            found += here;
        }
        this.nothing.hidden = found > 0;
        this.nothing.textContent = found ? '' : `Nothing has “${this.filter.value.trim()}” in its name or summary.`;
    }

    protected visible(): HTMLButtonElement[] {
        return this.groups.filter(({ node }) => node.open && !node.hidden).flatMap(({ items }) =>
            items.map(({ node }) => node).filter(node => !node.parentElement!.hidden));
    }

    protected leaveFilter(event: KeyboardEvent): void {
        const [first] = this.visible();
        if (event.key === 'ArrowDown' && first) {
            event.preventDefault();
            first.focus();
        } else if (event.key === 'Enter' && first) {
            first.click();
        } else if (event.key === 'Escape') {
            this.filter.value = '';
            this.applyFilter();
        }
    }

    protected moveFocus(event: KeyboardEvent): void {
        const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
        const visible = this.visible();
        const at = visible.indexOf(document.activeElement as HTMLButtonElement);
        if (!step || at === -1) {
            return;
        }
        event.preventDefault();
        if (at + step < 0) {
            this.filter.focus();
        } else {
            visible[at + step]?.focus();
        }
    }
}
