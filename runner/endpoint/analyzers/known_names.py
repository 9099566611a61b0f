"""Names that the rules of entities know by heart: organisations, products, events, places, peoples.

Owns lists only, written for this project; the far larger ones of people, countries and cities come from
Faker and Babel (`gazetteers.py`). Names are separated by `|`.
"""

from __future__ import annotations

ORGANIZATIONS = """
3M|Accenture|Adidas|Adobe|Airbnb|Airbus|Al Jazeera|Alibaba|Allianz|Alphabet|Amazon|Amazon Web Services|AMD|
American Airlines|American Express|Amnesty International|Apple|ASML|Associated Press|AstraZeneca|AT&T|Audi|AWS|BASF|
Bank of America|Bank of England|Barclays|Bayer|BBC|Bell Labs|Berkshire Hathaway|BlackRock|Bloomberg|BMW|BNP Paribas|
Boeing|Bosch|BP|British Airways|British Library|Carrefour|CBS|CDC|Chevron|Chrysler|CIA|Cisco|Citigroup|CNN|Coca-Cola|
Comcast|Commerzbank|Congress|Continental|Costco|Credit Suisse|Daimler|Dell|Deloitte|Delta Air Lines|
Democratic Party|Deutsche Bahn|Deutsche Bank|Deutsche Telekom|DHL|Disney|DreamWorks|eBay|Electronic Arts|Enel|Eni|ESA|
ESPN|European Central Bank|European Commission|European Parliament|European Union|Exxon|ExxonMobil|FBI|FDA|
Federal Reserve|FedEx|Ferrari|Fiat|FIFA|Ford|Ford Motor|Foxconn|Fox News|Gazprom|General Electric|General Motors|
GlaxoSmithKline|Goldman Sachs|Google|Greenpeace|Guardian|H&M|HBO|Hewlett-Packard|Honda|House of Commons|
House of Representatives|HSBC|Huawei|Human Rights Watch|Hyundai|IBM|IKEA|IMF|Infineon|ING|Instagram|Intel|
International Monetary Fund|Interpol|Johnson & Johnson|JPMorgan|JPMorgan Chase|KLM|KPMG|Kremlin|L'Oréal|Lenovo|LG|
LinkedIn|Lockheed Martin|Lufthansa|LVMH|Marriott|Mastercard|McDonald's|McKinsey|Mercedes-Benz|Merck|Meta|
Metropolitan Museum|MGM|Microsoft|Miramax|Mitsubishi|Morgan Stanley|Motorola|MTV|NASA|NATO|NBA|NBC|Nestlé|Netflix|
New York Times|NFL|NHL|Nike|Nintendo|Nissan|Nokia|Novartis|NVIDIA|Nvidia|OPEC|OpenAI|Oracle|Oxfam|Panasonic|Paramount|
Parliament|PayPal|Pentagon|PepsiCo|Petrobras|Peugeot|Pfizer|Philips|Pixar|Porsche|Procter & Gamble|PwC|Qualcomm|
Red Cross|Red Hat|Renault|Repsol|Republican Party|Reuters|Roche|Rolls-Royce|Royal Society|Ryanair|Salesforce|Samsung|
Santander|SAP|Saudi Aramco|Scotland Yard|Senate|Shell|Siemens|SK Hynix|SoftBank|Sony|SpaceX|Spotify|Starbucks|
Supreme Court|Telefónica|Tencent|Tesco|Tesla|Texas Instruments|ThyssenKrupp|TikTok|Time Warner|Toshiba|TotalEnergies|
Toyota|TSMC|Twitter|Uber|UBS|UEFA|UN|UNESCO|UNICEF|Unilever|United Airlines|United Nations|Universal Studios|
UPS|US Army|Verizon|Visa|Vodafone|Volkswagen|Volvo|Wall Street Journal|Walmart|Warner Bros|Washington Post|
Wells Fargo|WhatsApp|White House|WHO|Wikipedia|World Bank|World Health Organization|World Trade Organization|WTO|
Xerox|Xiaomi|Yahoo|YouTube|Zara|Zoom|Real Madrid|Manchester United|Liverpool FC|Chelsea FC|Arsenal|FC Barcelona|
Bayern Munich|FC Bayern|Juventus|New York Yankees|Los Angeles Lakers|Red Sox|Dallas Cowboys|Green Bay Packers|
Bundestag|Bundesbank|Bundesregierung|Europäische Union|Europäische Zentralbank|Vereinte Nationen|Unión Europea|
Naciones Unidas|Banco Central Europeo|Union européenne|Nations unies|Assemblée nationale|Banque centrale européenne|
Unione Europea|Nazioni Unite|Banca Centrale Europea|União Europeia|Nações Unidas|Banco Central Europeu|Facebook|
Snapchat|GitHub|Dropbox|Lyft|Pinterest|Reddit|Tumblr|Twitch|Hulu|Walgreens|Target Corporation|Home Depot|Best Buy|
Harvard|MIT|Stanford|Yale|Princeton|Oxford University|Cambridge University|UCLA|Caltech
"""

PRODUCTS = """
iPhone|iPad|iPod|iMac|MacBook|MacBook Pro|MacBook Air|Apple Watch|AirPods|iOS|macOS|Android|Windows|Windows 10|
Windows 11|Windows XP|Windows 7|Microsoft Office|Excel|PowerPoint|Photoshop|Kindle|Alexa|Echo Dot|Fire TV|PlayStation|
PlayStation 4|PlayStation 5|PS3|PS4|PS5|Xbox|Xbox 360|Xbox One|Nintendo Switch|Wii|Game Boy|Galaxy Note|Galaxy S8|
Galaxy S9|Galaxy S10|Galaxy S20|Galaxy S21|Chromebook|Chromecast|Gmail|Google Maps|Google Docs|Google Home|
Model S|Model 3|Model X|Model Y|Prius|Corolla|Camry|Mustang|Golf GTI|Boeing 737|Boeing 747|Boeing 787|Airbus A320|
Airbus A380|Big Mac|Whopper|Viagra|Aspirin|ThinkPad|BlackBerry|Surface Pro|GoPro|Roomba|Linux|Ubuntu|Firefox|Chrome|
Safari|Internet Explorer|Amazon Prime|Amazon Echo|Amazon S3|Walkman|Minecraft|Fortnite|World of Warcraft
"""

EVENTS = """
World War I|World War II|World War One|World War Two|First World War|Second World War|Cold War|Civil War|
American Civil War|Vietnam War|Korean War|Gulf War|French Revolution|Russian Revolution|American Revolution|
Industrial Revolution|Great Depression|Olympic Games|Olympics|Winter Olympics|Summer Olympics|World Cup|FIFA World Cup|
Super Bowl|World Series|Stanley Cup|Champions League|Wimbledon|Tour de France|Oscars|Academy Awards|Grammys|
Grammy Awards|Emmy Awards|Golden Globes|Cannes Film Festival|Sundance Film Festival|Burning Man|Coachella|Woodstock|
Oktoberfest|Mardi Gras|Brexit|Watergate|Hurricane Katrina|Hurricane Sandy|Great Fire of London|Battle of Hastings|
Battle of Waterloo|Black Friday|Cyber Monday|Comic-Con|Euro 2020|Renaissance|Holocaust|Boston Marathon|
Zweiter Weltkrieg|Zweiten Weltkrieg|Erster Weltkrieg|Ersten Weltkrieg|Olympische Spiele|Segunda Guerra Mundial|
Primera Guerra Mundial|Juegos Olímpicos|Copa del Mundo|Seconde Guerre mondiale|Première Guerre mondiale|
Jeux olympiques|Coupe du monde|Seconda guerra mondiale|Prima guerra mondiale|Giochi olimpici|Coppa del Mondo|
Primeira Guerra Mundial|Jogos Olímpicos|Copa do Mundo
"""

PLACES = """
Aberdeen|Abu Dhabi|Africa|Alabama|Alaska|Albany|Albuquerque|Alps|Amazon River|America|Americas|Anaheim|Antarctica|
Arctic|Arizona|Arkansas|Asia|Aspen|Atlanta|Austin|Baltimore|Bangalore|Barcelona|Bath|Bavaria|Bay Area|Beijing|
Belfast|Bengaluru|Berkeley|Beverly Hills|Birmingham|Boise|Bordeaux|Boston|Brighton|Bristol|British Columbia|Bronx|
Brooklyn|Broadway|Buckingham Palace|Buffalo|Burma|Calgary|California|Cambridge|Cape Town|Capitol Hill|Cardiff|
Caribbean|Catalonia|Central Park|Charlotte|Chennai|Chicago|Chinatown|Cincinnati|Cleveland|Cologne|Colorado|
Connecticut|Copenhagen|Cornwall|Coventry|Crimea|Cuba|Dallas|Dartmouth|Delaware|Delhi|Denver|Detroit|Disneyland|
Disney World|Dover|Downing Street|Dresden|Dubai|Durham|Düsseldorf|East Coast|Edinburgh|Eiffel Tower|El Paso|
Empire State Building|England|English Channel|Essex|Europe|Everest|Far East|Flint|Florence|Florida|Fort Worth|
Frankfurt|Fresno|Fukushima|Ganges|Gaza|Geneva|Georgia|Gibraltar|Glasgow|Golden Gate Bridge|Grand Canyon|
Great Britain|Great Lakes|Great Wall|Greenwich|Guantanamo|Guangzhou|Hague|Hamburg|Hamptons|Hanoi|Hanover|Harlem|
Hartford|Hawaii|Heathrow|Himalayas|Hiroshima|Hollywood|Holland|Honolulu|Houston|Hyde Park|Hyderabad|Iceland|Idaho|
Illinois|Indiana|Indianapolis|Iowa|Istanbul|Ivory Coast|Jacksonville|Jersey City|Jerusalem|Kansas|Kansas City|Kent|
Kentucky|Kiev|Kolkata|Kosovo|Kyiv|Kyoto|LA|Lake Michigan|Lake Tahoe|Lancaster|Las Vegas|Latin America|Leeds|
Leicester|Leipzig|Lincoln Center|Liverpool|Long Beach|Long Island|Los Angeles|Louisiana|Louisville|Lyon|Maine|Malibu|
Manchester|Manhattan|Marseille|Maryland|Massachusetts|Mecca|Mediterranean|Melbourne|Memphis|Mexico City|Miami|
Michigan|Middle East|Midwest|Milan|Milwaukee|Minneapolis|Minnesota|Mississippi|Missouri|Mogadishu|Montana|Montreal|
Mount Everest|Mount Fuji|Mumbai|Munich|Nairobi|Naples|Nashville|Nebraska|Nevada|New Delhi|New England|New Hampshire|
New Jersey|New Mexico|New Orleans|New South Wales|New York|New York City|Newark|Newcastle|Niagara Falls|Nile|
Nice|Normandy|North America|North Carolina|North Dakota|North Korea|Northern Ireland|Norwich|Nottingham|Nuremberg|NYC|
Oakland|Ohio|Oklahoma|Oklahoma City|Omaha|Ontario|Orange County|Oregon|Orlando|Osaka|Ottawa|Oxford|Pacific Ocean|
Atlantic Ocean|Indian Ocean|Palestine|Palo Alto|Pasadena|Pearl Harbor|Pennsylvania|Persian Gulf|Philadelphia|Phoenix|
Pittsburgh|Plymouth|Portland|Portsmouth|Provence|Puerto Rico|Quebec|Queens|Queensland|Red Square|Rhode Island|
Richmond|Rio de Janeiro|Rocky Mountains|Rotterdam|Russia|Sacramento|Sahara|Salt Lake City|San Antonio|San Diego|
San Francisco|San Jose|Santa Monica|Santa Barbara|Sao Paulo|São Paulo|Sarajevo|Savannah|Scandinavia|Scotland|Seattle|
Seoul|Sevilla|Seville|Sheffield|Shanghai|Shenzhen|Siberia|Sicily|Silicon Valley|Soho|Somalia|Southampton|
South America|South Carolina|South Dakota|South Korea|Soviet Union|Springfield|St Louis|St. Louis|Staten Island|
Statue of Liberty|Strasbourg|Stuttgart|Suez Canal|Surrey|Sussex|Sydney|Tacoma|Tampa|Tel Aviv|Tennessee|Texas|Thames|
Tibet|Tijuana|Times Square|Toronto|Toulouse|Trafalgar Square|Tucson|Tulsa|Turin|Tuscany|U.K.|U.S.|U.S.A.|UAE|UK|
Ulster|US|USA|USSR|Utah|Valencia|Vancouver|Vatican|Vegas|Venice|Vermont|Victoria Falls|Virginia|Wales|Wall Street|
Warwick|Washington|Washington DC|Washington D.C.|Washington, D.C.|West Bank|West Coast|West Virginia|Westminster|
Wisconsin|Wyoming|Yellowstone|York|Yorkshire|Yosemite|Yugoslavia|Zurich|Bilbao|Málaga|Zaragoza|Andalucía|Cataluña|
Galicia|Valladolid|Lille|Nantes|Bretagne|Normandie|Genova|Torino|Napoli|Firenze|Venezia|Milano|Bologna|Palermo|
Sicilia|Toscana|Lombardia|Köln|Nürnberg|Hannover|Dortmund|Essen|Bremen|Bayern|Sachsen|Hessen|Porto|Coimbra|Braga|
Algarve|Brasília|Salvador|Recife|Fortaleza|Curitiba|Belo Horizonte|Porto Alegre|Manaus|Ciudad de México|Nueva York|
Londres|Parigi|Londra|Moscou|Moscú|Mosca|Moskau|Pékin|Pekín|Peking|Pequim|Pechino|Genève|Genf|Bruxelles|Brüssel|
Bruselas|Ámsterdam|Rom|Mailand|Venedig|Wien|Prag|Warschau|Europa|Afrika|Asien|Amerika|África|América|América Latina|
Amérique|Afrique|Asie|Estados Unidos|EE. UU.|Vereinigte Staaten|États-Unis|Stati Uniti|EUA|USA|Reino Unido|
Royaume-Uni|Regno Unito|Lombardei|Tirol|Schwarzwald|Rhein|Donau|Seine|Loire|Pyrénées|Alpes|Alpi|Alpen|Andes
"""

# Peoples, languages, creeds: the service's OTHER.
PEOPLES = """
African|Africans|American|Americans|Arab|Arabs|Arabic|Argentine|Asian|Asians|Australian|Australians|Austrian|Belgian|
Brazilian|Brazilians|British|Buddhist|Bulgarian|Canadian|Canadians|Catholic|Catholics|Chilean|Chinese|Christian|
Christians|Colombian|Croatian|Cuban|Czech|Danish|Democrat|Democrats|Dutch|Egyptian|English|European|Europeans|Finnish|
French|German|Germans|Greek|Greeks|Hebrew|Hindu|Hispanic|Hungarian|Indian|Indians|Indonesian|Iranian|Iraqi|Irish|
Israeli|Israelis|Italian|Italians|Japanese|Jewish|Jews|Jew|Kenyan|Korean|Latin|Latino|Lebanese|Mexican|Mexicans|
Mormon|Muslim|Muslims|Nazi|Nazis|Nigerian|Norwegian|Pakistani|Palestinian|Palestinians|Persian|Peruvian|Polish|
Portuguese|Protestant|Republican|Republicans|Romanian|Russian|Russians|Saudi|Scottish|Scots|Serbian|Slovak|Soviet|
Spanish|Swedish|Swiss|Syrian|Syrians|Thai|Turkish|Turks|Ukrainian|Ukrainians|Vietnamese|Welsh
"""


def names(listing: str) -> frozenset[str]:
    """The names of one list."""
    return frozenset(name.strip() for name in listing.replace("\n", "").split("|") if name.strip())


def words(listing: str) -> frozenset[str]:
    """The words of a list that is parted by blanks."""
    return frozenset(listing.split())
