#!/usr/bin/env node
import '../dist/fairlead.js'
