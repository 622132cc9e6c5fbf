import { element, prose } from './dom';
import { MethodDescription, Api, Schema } from './syntax/api';
import { objectsIn, typeText } from './type-text';

/** What a method does, above its form. */
export function describeMethod(method: MethodDescription, api: Api): HTMLElement {
    const params = method['x-params'] && api.resolve(method['x-params']).description;
    return element('div', { class: 'description' }, ...prose(method.description ?? method.summary ?? ''), ...params ? prose(params) : []);
}

/** What a method answers, folded. */
export function describeResult({ result }: MethodDescription, api: Api): HTMLElement {
    const schema = result?.schema ?? {};
    const nothing = api.resolve(schema).type === 'null';
    return element('details', { class: 'types' },
        element('summary', {}, 'Answer: ', element('code', {}, nothing ? 'nothing' : typeText(schema, api))),
        ...nothing ? [element('p', {}, 'That there is an answer says that it is done.')] : objectTables(schema, api));
}

/** What the server tells unasked. */
export function describeNotification(notification: MethodDescription, api: Api): HTMLElement {
    return element('div', { class: 'description' }, ...prose(notification.description ?? notification.summary ?? ''),
        element('p', { class: 'hint' }, 'The server sends it unasked. When one comes it is shown in the log.'),
        ...objectTables(notification['x-params'] ?? {}, api));
}

export function describeError(name: string, api: Api): HTMLElement {
    const { code, message } = api.errors.get(name)!;
    return element('div', { class: 'description' }, ...prose(message),
        element('p', {}, 'Code ', element('code', {}, String(code)), ', told in ', element('code', {}, 'error.code'), '; its name is in ', element('code', {}, 'error.data.kind'), '.'));
}

function objectTables(schema: Schema, api: Api): HTMLElement[] {
    return objectsIn(schema, api).flatMap(({ title = 'object', description, properties = {} }) => [
        element('h3', {}, title),
        ...description ? prose(description) : [],
        element('table', { class: 'members' }, element('tbody', {}, ...Object.entries(properties).map(([name, member]) =>
            element('tr', {}, element('th', { scope: 'row' }, name), element('td', {}, typeText(member, api))))))
    ]);
}
