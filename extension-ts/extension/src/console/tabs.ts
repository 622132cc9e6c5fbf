import { element, uniqueId } from './dom';

export interface Tab {
    readonly name: string;
    readonly panel: HTMLElement;
}

/** Panels of which one is shown. */
export class Tabs {

    readonly node: HTMLElement;

    protected readonly buttons: readonly HTMLButtonElement[];

    constructor(label: string, protected readonly tabs: readonly Tab[]) {
        this.buttons = tabs.map(({ name, panel }, index) => {
            panel.id ||= uniqueId('panel');
            const button = element('button', {
                type: 'button', role: 'tab', id: uniqueId('tab'), 'aria-controls': panel.id, onclick: () => this.select(index),
                onkeydown: (event: KeyboardEvent) => this.move(event, index)
            }, name);
            panel.setAttribute('role', 'tabpanel');
            panel.setAttribute('aria-labelledby', button.id);
            return button;
        });
        this.node = element('section', { class: 'tabs', 'aria-label': label },
            element('div', { role: 'tablist', 'aria-label': label }, ...this.buttons), ...tabs.map(({ panel }) => panel));
        this.select(0);
    }

    show(panel: HTMLElement): void {
        this.select(this.tabs.findIndex(tab => tab.panel === panel));
    }

    protected select(index: number): void {
        this.tabs.forEach(({ panel }, at) => {
            panel.hidden = at !== index;
            this.buttons[at].setAttribute('aria-selected', String(at === index));
            this.buttons[at].tabIndex = at === index ? 0 : -1;
        });
    }

    protected move(event: KeyboardEvent, from: number): void {
        const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
        if (step) {
            const to = (from + step + this.tabs.length) % this.tabs.length;
            this.select(to);
            this.buttons[to].focus();
        }
    }
}
