___TERMS_OF_SERVICE___

By creating or modifying this file you agree to Google Tag Manager's Community
Template Gallery Developer Terms of Service available at
https://developers.google.com/tag-manager/gallery-tos (or such other URL as
Google may provide), as modified from time to time.


___INFO___

{
  "type": "TAG",
  "id": "cvt_temp_public_id",
  "version": 1,
  "securityGroups": [],
  "displayName": "Ripen",
  "categories": ["ANALYTICS", "LEAD_GENERATION"],
  "brand": {"id": "brand_ripen", "displayName": "Ripen"},
  "description": "Loads the Ripen snippet and tells it what happens: page views and all it notices by itself, or one event of your own.",
  "containerContexts": ["WEB"]
}


___TEMPLATE_PARAMETERS___

[
  {
    "type": "SELECT",
    "name": "action",
    "displayName": "What to do",
    "macrosInSelect": false,
    "selectItems": [
      {"value": "start", "displayValue": "Start (page views, downloads, forms, links)"},
      {"value": "track", "displayValue": "Tell an event"},
      {"value": "identify", "displayValue": "Identify the visitor"},
      {"value": "consent", "displayValue": "Tell the visitor's consent"}
    ],
    "simpleValueType": true,
    "defaultValue": "start"
  },
  {
    "type": "TEXT",
    "name": "host",
    "displayName": "Tracker",
    "simpleValueType": true,
    "defaultValue": "https://TRACKER",
    "valueValidators": [{"type": "REGEX", "args": ["^https://.*[^/]$"]}],
    "enablingConditions": [{"paramName": "action", "paramValue": "start", "type": "EQUALS"}]
  },
  {
    "type": "TEXT",
    "name": "key",
    "displayName": "Write key",
    "simpleValueType": true,
    "valueValidators": [{"type": "NON_EMPTY"}],
    "enablingConditions": [{"paramName": "action", "paramValue": "start", "type": "EQUALS"}]
  },
  {
    "type": "TEXT",
    "name": "options",
    "displayName": "Further options, as a query: consent=pending&domains=shop.example",
    "simpleValueType": true,
    "enablingConditions": [{"paramName": "action", "paramValue": "start", "type": "EQUALS"}]
  },
  {
    "type": "TEXT",
    "name": "value",
    "displayName": "Event name, user id, or granted / denied",
    "simpleValueType": true,
    "enablingConditions": [
      {"paramName": "action", "paramValue": "track", "type": "EQUALS"},
      {"paramName": "action", "paramValue": "identify", "type": "EQUALS"},
      {"paramName": "action", "paramValue": "consent", "type": "EQUALS"}
    ]
  },
  {
    "type": "SIMPLE_TABLE",
    "name": "fields",
    "displayName": "Properties or traits",
    "simpleTableColumns": [
      {"defaultValue": "", "displayName": "Name", "name": "name", "type": "TEXT"},
      {"defaultValue": "", "displayName": "Value", "name": "value", "type": "TEXT"}
    ],
    "enablingConditions": [
      {"paramName": "action", "paramValue": "track", "type": "EQUALS"},
      {"paramName": "action", "paramValue": "identify", "type": "EQUALS"}
    ]
  }
]


___SANDBOXED_JS_FOR_WEB_TEMPLATE___

const createArgumentsQueue = require('createArgumentsQueue');
const encodeUriComponent = require('encodeUriComponent');
const injectScript = require('injectScript');
const makeTableMap = require('makeTableMap');

const ripen = createArgumentsQueue('ripen', 'ripen.q');
const fields = data.fields ? makeTableMap(data.fields, 'name', 'value') : {};

if (data.action === 'track') ripen('track', data.value, fields);
else if (data.action === 'identify' && data.value) ripen('identify', data.value, fields);
else if (data.action === 'identify') ripen('identify', fields);
else if (data.action === 'consent') ripen('consent', data.value);

// Only the tag that starts knows the options, of which one may be to wait for
// consent: what the others say before it waits in the queue.
if (data.action === 'start') {
  const url = data.host + '/r.js?key=' + encodeUriComponent(data.key) + (data.options ? '&' + data.options : '');
  injectScript(url, data.gtmOnSuccess, data.gtmOnFailure, 'ripen');
} else {
  data.gtmOnSuccess();
}


___WEB_PERMISSIONS___

[
  {
    "instance": {
      "key": {"publicId": "access_globals", "versionId": "1"},
      "param": [
        {
          "key": "keys",
          "value": {
            "type": 2,
            "listItem": [
              {
                "type": 3,
                "mapKey": [{"type": 1, "string": "key"}, {"type": 1, "string": "read"}, {"type": 1, "string": "write"}, {"type": 1, "string": "execute"}],
                "mapValue": [{"type": 1, "string": "ripen"}, {"type": 8, "boolean": true}, {"type": 8, "boolean": true}, {"type": 8, "boolean": false}]
              },
              {
                "type": 3,
                "mapKey": [{"type": 1, "string": "key"}, {"type": 1, "string": "read"}, {"type": 1, "string": "write"}, {"type": 1, "string": "execute"}],
                "mapValue": [{"type": 1, "string": "ripen.q"}, {"type": 8, "boolean": true}, {"type": 8, "boolean": true}, {"type": 8, "boolean": false}]
              }
            ]
          }
        }
      ]
    },
    "clientAnnotations": {"isEditedByUser": true},
    "isRequired": true
  },
  {
    "instance": {
      "key": {"publicId": "inject_script", "versionId": "1"},
      "param": [
        {"key": "urls", "value": {"type": 2, "listItem": [{"type": 1, "string": "https://TRACKER/*"}]}}
      ]
    },
    "clientAnnotations": {"isEditedByUser": true},
    "isRequired": true
  }
]


___TESTS___

scenarios: []


___NOTES___

Import this file under Templates, New, Import. Then make one tag that starts on
all pages, and further ones that tell events. Those may fire before it.
